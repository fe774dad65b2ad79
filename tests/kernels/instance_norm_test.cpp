#include "kernels/instance_norm.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

using Doubles = std::vector<double>;
using Floats = std::vector<float>;

/// What is added before the normalisation.
enum class Additions { None, Bias, SharedNoise, All };

/// Images, what they are normalised by, and the gradient of the result.
struct Sample {
  int64_t images, height, width, channels;
  InstanceNorm rule;
  Floats x, gain, shift, gradient, bias = {}, noise = {}, strength = {};
  int64_t noise_images = 0;

  Sample(std::mt19937_64& source, std::array<int64_t, 4> shape, Additions additions, const InstanceNorm& rule = {},
         float centre = 0.5f)
      : images(shape[0]),
        height(shape[1]),
        width(shape[2]),
        channels(shape[3]),
        rule(rule),
        x(random_normals(source, images * pixels() * channels)),
        gain(random_normals(source, images * channels)),
        shift(random_normals(source, images * channels)),
        gradient(random_normals(source, images * pixels() * channels)) {
    for (float& value : x) value += centre;
    for (float& value : gradient) value += 0.5f;
    if (additions == Additions::Bias || additions == Additions::All) bias = random_normals(source, channels);
    if (additions == Additions::SharedNoise || additions == Additions::All) {
      noise_images = additions == Additions::All ? images : 1;
      noise = random_normals(source, noise_images * pixels());
      strength = random_normals(source, channels);
    }
  }
  int64_t pixels() const { return height * width; }
  double slope() const {
    return rule.activation == Activation::None ? 1 : rule.activation == Activation::Relu ? 0 : double{rule.slope};
  }
};

struct Reference {
  Doubles y, mean, inverse, x_gradient, gain_gradient, shift_gradient, bias_gradient, strength_gradient;
  double sizes = 0;  // largest sum of all that the last two are differences of

  explicit Reference(const Sample& of)
      : y(of.x.size()), x_gradient(of.x.size()), bias_gradient(of.bias.size()), strength_gradient(of.strength.size()) {
    const auto n = static_cast<double>(of.pixels());
    for (int64_t image = 0; image < of.images; ++image)
      for (int64_t j = 0; j < of.channels; ++j) {
        const auto at = [&](int64_t pixel) { return (image * of.pixels() + pixel) * of.channels + j; };
        const auto noise = [&](int64_t pixel) -> double {
          return of.noise.empty() ? 0 : of.noise[(of.noise_images > 1 ? image * of.pixels() : 0) + pixel];
        };
        Doubles before, a;
        double total = 0, squares = 0, by_shift = 0, by_gain = 0;
        for (int64_t p = 0; p < of.pixels(); ++p) {
          before.push_back(of.x[at(p)] + (of.bias.empty() ? 0.0 : of.bias[j]) +
                           (of.noise.empty() ? 0.0 : of.strength[j] * noise(p)));
          a.push_back(before[p] > 0 ? before[p] : of.slope() * before[p]);
          total += a[p];
        }
        const double m = total / n, gain = of.gain[image * of.channels + j];
        for (const double value : a) squares += (value - m) * (value - m);
        const double s = 1 / std::sqrt(squares / n + of.rule.epsilon);
        for (int64_t p = 0; p < of.pixels(); ++p) {
          y[at(p)] = gain * (a[p] - m) * s + of.shift[image * of.channels + j];
          by_shift += of.gradient[at(p)];
          by_gain += of.gradient[at(p)] * (a[p] - m) * s;
        }
        double sum_of_sizes = 0;
        for (int64_t p = 0; p < of.pixels(); ++p) {
          const double through = gain * s * (of.gradient[at(p)] - by_shift / n - (a[p] - m) * s * by_gain / n);
          const double d = before[p] > 0 ? through : of.slope() * through;
          x_gradient[at(p)] = d;
          sum_of_sizes += std::abs(gain) * s * (std::abs(of.gradient[at(p)]) + std::abs(by_shift) + std::abs(by_gain)) *
                          std::max(1.0, std::abs(noise(p)));
          if (!of.bias.empty()) bias_gradient[j] += d;
          if (!of.noise.empty()) strength_gradient[j] += d * noise(p);
        }
        sizes = std::max(sizes, sum_of_sizes * static_cast<double>(of.images));
        mean.push_back(m);
        inverse.push_back(s);
        gain_gradient.push_back(by_gain);
        shift_gradient.push_back(by_shift);
      }
  }
};

struct Result {
  Floats y, mean, inverse, x_gradient, gain_gradient, shift_gradient, bias_gradient, strength_gradient;
};

/// Forward and gradient, with all memory `offset` floats from where it was allocated, and rows of what there is per
/// image `gap` floats apart.
template <class Stream>
Result run(Stream& stream, const Sample& of, int64_t offset = 0, int64_t gap = 0) {
  const auto shifted = [&](Floats values) {
    values.insert(values.begin(), static_cast<size_t>(offset), 7.0f);
    return values;
  };
  const auto spaced = [&](const Floats& dense) {
    Floats all(static_cast<size_t>(offset), 7.0f);
    for (size_t i = 0; i < dense.size(); ++i) {
      all.push_back(dense[i]);
      if ((i + 1) % static_cast<size_t>(of.channels) == 0) all.insert(all.end(), static_cast<size_t>(gap), 7.0f);
    }
    return all;
  };
  OnStream x(stream, shifted(of.x)), above(stream, shifted(of.gradient)), gain(stream, spaced(of.gain)),
      shift(stream, spaced(of.shift)), bias(stream, shifted(of.bias)), noise(stream, shifted(of.noise)),
      strength(stream, shifted(of.strength));
  const Floats sevens(of.x.size() + offset, 7.0f), rows = spaced(Floats(of.gain.size(), 7.0f)),
                                                   channels(of.channels + offset, 7.0f);
  OnStream y(stream, sevens), dx(stream, sevens), mean(stream, rows), inverse(stream, rows), dgain(stream, rows),
      dshift(stream, rows), dbias(stream, channels), dstrength(stream, channels);
  const auto images = [&](auto& all) {
    return ImageView<float>{all.data() + offset, of.images, of.height, of.width, of.channels};
  };
  const auto per_image = [&](auto& all) {
    return Matrix<float>{all.data() + offset, of.images, of.channels, of.channels + gap};
  };
  const auto vector = [&](auto& all, const Floats& like) {
    return like.empty() ? Vector<float>() : Vector<float>{all.data() + offset, of.channels};
  };
  PixelAdditions added{.bias = vector(bias, of.bias), .strength = vector(strength, of.strength)};
  if (!of.strength.empty()) added.noise = {noise.data() + offset, of.noise_images, of.pixels()};
  instance_norm(stream, of.rule, images(x), added, per_image(gain), per_image(shift), images(y), per_image(mean),
                per_image(inverse));
  instance_norm_gradient(
      stream, of.rule, images(x), added, per_image(gain), per_image(mean), per_image(inverse), images(above),
      {images(dx), per_image(dgain), per_image(dshift), vector(dbias, of.bias), vector(dstrength, of.strength)});
  const auto dense = [&](const Floats& all, size_t size) {
    return Floats(all.begin() + offset, all.begin() + offset + static_cast<std::ptrdiff_t>(size));
  };
  const auto packed = [&](const Floats& all) {
    Floats values;
    for (int64_t image = 0; image < of.images; ++image)
      for (int64_t j = 0; j < of.channels + gap; ++j) {
        const float value = all[offset + image * (of.channels + gap) + j];
        if (j < of.channels)
          values.push_back(value);
        else
          REQUIRE(value == 7);
      }
    return values;
  };
  return {dense(y.host(), of.x.size()),
          packed(mean.host()),
          packed(inverse.host()),
          dense(dx.host(), of.x.size()),
          packed(dgain.host()),
          packed(dshift.host()),
          dense(dbias.host(), of.bias.size()),
          dense(dstrength.host(), of.strength.size())};
}

/// Within `tolerance` of the largest value there, but at least `scale`.
void require_near(const char* what, const Floats& values, const Doubles& expected, double tolerance, double scale = 1) {
  REQUIRE(values.size() == expected.size());
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < values.size(); ++i) {
    INFO(what << " " << i << ": " << values[i] << ", expected " << expected[i]);
    REQUIRE(std::abs(values[i] - expected[i]) <= tolerance * scale);
  }
}

void require_near(const Result& got, const Reference& expected, double tolerance) {
  require_near("y", got.y, expected.y, tolerance);
  require_near("mean", got.mean, expected.mean, tolerance);
  require_near("inverse deviation", got.inverse, expected.inverse, tolerance);
  require_near("gradient of x", got.x_gradient, expected.x_gradient, tolerance);
  require_near("gradient of the gain", got.gain_gradient, expected.gain_gradient, tolerance);
  require_near("gradient of the shift", got.shift_gradient, expected.shift_gradient, tolerance);
  // Sums of what nearly cancels: a tenth of the tolerance of what is summed.
  require_near("gradient of the bias", got.bias_gradient, expected.bias_gradient, tolerance / 10, expected.sizes);
  require_near("gradient of the strength", got.strength_gradient, expected.strength_gradient, tolerance / 10,
               expected.sizes);
}

const InstanceNorm kLeaky{.epsilon = 1e-3f, .activation = Activation::LeakyRelu, .slope = 0.2f};

}  // namespace

TEST_CASE("instance normalisation and its gradient follow their formulas", "[instance_norm]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const std::array<int64_t, 4>& shape : {std::array<int64_t, 4>{0, 2, 2, 3},
                                                {1, 2, 1, 1},
                                                {3, 4, 4, 70},
                                                {2, 9, 15, 33},
                                                {2, 16, 16, 5},
                                                {1, 33, 32, 20},
                                                {5, 3, 3, 130}})
      for (const Additions additions : {Additions::None, Additions::Bias, Additions::SharedNoise, Additions::All}) {
        INFO(shape[0] << "x" << shape[1] << "x" << shape[2] << "x" << shape[3] << ", additions "
                      << static_cast<int>(additions));
        const Sample sample(source, shape, additions, kLeaky);
        // A few dozen roundings; two pixels may lie close together, and are divided by a small deviation.
        require_near(run(stream, sample), Reference(sample), shape[1] * shape[2] < 3 ? 1e-4 : 1e-5);
      }
  });
}

TEST_CASE("instance normalisation without an activation, or with ReLU", "[instance_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const InstanceNorm& rule : {InstanceNorm{}, InstanceNorm{.epsilon = 0.5f, .activation = Activation::Relu}}) {
      const Sample sample(source, {2, 5, 7, 19}, Additions::All, rule);
      require_near(run(stream, sample), Reference(sample), 1e-5);
    }
  });
}

// The mean is a float, so that a - mean may be off by half an ulp of 1e4, 2^-11; of that size are a few other
// roundings.
TEST_CASE("a large mean costs instance normalisation no more digits than its own rounding", "[instance_norm]") {
  constexpr double kUlp = 0x1p-10;
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    const Sample sample(source, {2, 40, 30, 6}, Additions::None, {}, 1e4f);
    const Reference expected(sample);
    const Result got = run(stream, sample);
    for (size_t i = 0; i < got.mean.size(); ++i) {
      REQUIRE(std::abs(got.mean[i] - expected.mean[i]) <= 2 * kUlp);
      REQUIRE(std::abs(got.inverse[i] / expected.inverse[i] - 1) <= 1e-5);
    }
    require_near("y", got.y, expected.y, 2 * kUlp);
    require_near("gradient of x", got.x_gradient, expected.x_gradient, 2 * kUlp);
  });
}

TEST_CASE("a constant channel becomes its shift, and so does a single pixel", "[instance_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const std::array<int64_t, 4>& shape : {std::array<int64_t, 4>{3, 1, 1, 18}, {2, 20, 20, 7}}) {
      Sample sample(source, shape, Additions::Bias, kLeaky);
      for (size_t i = 0; i < sample.x.size(); ++i) sample.x[i] = sample.x[i % static_cast<size_t>(shape[3])];
      const Result got = run(stream, sample);
      const auto channels = static_cast<size_t>(shape[3]), each = got.y.size() / static_cast<size_t>(shape[0]);
      for (size_t i = 0; i < got.y.size(); ++i) REQUIRE(got.y[i] == sample.shift[i / each * channels + i % channels]);
      for (const float gradient : got.gain_gradient) REQUIRE(gradient == 0);
      require_near("gradient of x", got.x_gradient, Reference(sample).x_gradient, 1e-5);
    }
  });
}

TEST_CASE("instance normalisation depends neither on alignment nor on stride, and repeats bit for bit",
          "[instance_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const std::array<int64_t, 4>& shape : {std::array<int64_t, 4>{2, 12, 11, 68}, {2, 36, 30, 20}}) {
      const Sample sample(source, shape, Additions::All, kLeaky);
      const Result first = run(stream, sample);
      for (const auto& [offset, gap] : {std::pair<int64_t, int64_t>{0, 0}, {1, 0}, {0, 3}, {4, 4}}) {
        const Result again = run(stream, sample, offset, gap);
        REQUIRE(again.y == first.y);
        REQUIRE(again.inverse == first.inverse);
        REQUIRE(again.x_gradient == first.x_gradient);
        REQUIRE(again.gain_gradient == first.gain_gradient);
        REQUIRE(again.shift_gradient == first.shift_gradient);
        REQUIRE(again.bias_gradient == first.bias_gradient);
        REQUIRE(again.strength_gradient == first.strength_gradient);
      }
    }
  });
}

TEST_CASE("a NaN stays in its image's channel, and is seen there", "[instance_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    Sample sample(source, {3, 5, 5, 6}, Additions::Bias, {.activation = Activation::Relu});
    sample.x[(2 * 25 - 1) * 6 + 4] = NAN;
    const Result got = run(stream, sample);
    for (size_t i = 0; i < got.y.size(); ++i) {
      const bool here = i / (25 * 6) == 1 && i % 6 == 4;
      REQUIRE(std::isnan(got.y[i]) == here);
      REQUIRE(std::isnan(got.x_gradient[i]) == here);
    }
    for (size_t j = 0; j < 6; ++j) REQUIRE(std::isnan(got.bias_gradient[j]) == (j == 4));
  });
}

TEST_CASE("instance normalisation refuses wrong sizes, and takes no images or channels", "[instance_norm]") {
  with_stream([&](auto& stream) {
    OnStream data(stream, Floats(48, 1.0f));
    const ImageView<float> x{data.data(), 2, 2, 3, 4};
    const Matrix<float> rows{data.data(), 2, 4};
    const Vector<float> four{data.data(), 4}, none;
    const auto forward = [&](const PixelAdditions& added, ImageView<float> images, Matrix<float> gain,
                             Matrix<float> mean, const InstanceNorm& rule = {}) {
      OnStream y(stream, Floats(48));
      instance_norm(stream, rule, images, added, gain, gain, {y.data(), x.count, x.height, x.width, x.channels}, mean,
                    mean);
    };
    const Matrix<float> noise{data.data(), 2, 6};
    REQUIRE_THROWS_AS(forward({}, x, {data.data(), 1, 4}, rows), ShapeError);
    REQUIRE_THROWS_AS(forward({}, x, rows, {data.data(), 2, 3}), ShapeError);
    REQUIRE_THROWS_AS(forward({}, {data.data(), 2, 2, 3, 2}, rows, rows), ShapeError);
    REQUIRE_THROWS_AS(forward({}, {data.data(), 2, 0, 3, 4}, rows, rows), ShapeError);
    REQUIRE_THROWS_AS(forward({.bias = {data.data(), 3}}, x, rows, rows), ShapeError);
    REQUIRE_THROWS_AS(forward({.noise = noise}, x, rows, rows), ShapeError);
    REQUIRE_THROWS_AS(forward({.strength = four}, x, rows, rows), ShapeError);
    REQUIRE_THROWS_AS(forward({.noise = {data.data(), 3, 6}, .strength = four}, x, rows, rows), ShapeError);
    REQUIRE_THROWS_AS(forward({.noise = {data.data(), 1, 5}, .strength = four}, x, rows, rows), ShapeError);
    REQUIRE_THROWS_AS(forward({}, x, rows, rows, {.activation = Activation::Tanh}), UsageError);
    REQUIRE_THROWS_AS(forward({}, x, rows, rows, {.activation = Activation::LeakyRelu, .slope = -1}), UsageError);
    const auto backward = [&](const PixelAdditions& added, Vector<float> bias, Vector<float> strength) {
      OnStream dx(stream, Floats(48)), dgain(stream, Floats(8));
      const Matrix<float> style{dgain.data(), 2, 4};
      instance_norm_gradient(stream, {}, x, added, rows, rows, rows, x,
                             {{dx.data(), 2, 2, 3, 4}, style, style, bias, strength});
    };
    REQUIRE_THROWS_AS(backward({}, four, none), ShapeError);
    REQUIRE_THROWS_AS(backward({.bias = four}, none, none), ShapeError);
    REQUIRE_THROWS_AS(backward({.noise = noise, .strength = four}, none, none), ShapeError);
    backward({.noise = {data.data(), 1, 6}, .strength = four}, none, four);

    // Of no images every sum is 0.
    const ImageView<float> no_images{data.data(), 0, 2, 3, 4};
    const Matrix<float> no_rows{data.data(), 0, 4};
    OnStream sums(stream, Floats(4, 7.0f));
    instance_norm(stream, {}, no_images, {.bias = four}, no_rows, no_rows, no_images, no_rows, no_rows);
    instance_norm_gradient(stream, {}, no_images, {.bias = four}, no_rows, no_rows, no_rows, no_images,
                           {no_images, no_rows, no_rows, sums.vector()});
    REQUIRE(sums.host() == Floats(4));
    const ImageView<float> no_channels{data.data(), 2, 2, 3, 0};
    const Matrix<float> nothing{data.data(), 2, 0};
    instance_norm(stream, {}, no_channels, {}, nothing, nothing, no_channels, nothing, nothing);
    instance_norm_gradient(stream, {}, no_channels, {}, nothing, nothing, nothing, no_channels,
                           {no_channels, nothing, nothing});
  });
}
