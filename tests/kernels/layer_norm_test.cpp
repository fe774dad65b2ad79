#include "kernels/layer_norm.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

using Doubles = std::vector<double>;

/// Within `tolerance` of the largest value there, but at least 1.
void require_near(const char* what, const std::vector<float>& values, const Doubles& expected, double tolerance) {
  REQUIRE(values.size() == expected.size());
  double scale = 1;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < values.size(); ++i) {
    INFO(what << " " << i << ": " << values[i] << ", expected " << expected[i]);
    REQUIRE(std::abs(values[i] - expected[i]) <= tolerance * scale);
  }
}

struct Sample {
  int64_t rows, columns, channels;
  std::vector<float> x, gain, shift, gradient, direction;

  Sample(std::mt19937_64& source, int64_t rows, int64_t columns, int64_t channels, float centre)
      : rows(rows),
        columns(columns),
        channels(channels),
        x(random_normals(source, rows * columns)),
        gain(random_normals(source, channels)),
        shift(random_normals(source, channels)),
        gradient(random_normals(source, rows * columns)),
        direction(random_normals(source, rows * columns)) {
    for (float& value : x) value += centre;
    for (float& value : gradient) value += 0.5f;
  }
};

/// Forward, gradient and hessian by plain loops.
struct Reference {
  Doubles y, mean, inverse, gradient, hessian;

  Reference(const Sample& of, const LayerNorm& rule, double slope) {
    const auto n = static_cast<double>(of.columns);
    for (int64_t row = 0; row < of.rows; ++row) {
      const auto at = [&](const std::vector<float>& values, int64_t j) -> double {
        return values[row * of.columns + j];
      };
      const auto average = [&](auto term) {
        double total = 0;
        for (int64_t j = 0; j < of.columns; ++j) total += term(j);
        return total / n;
      };
      const double m = average([&](int64_t j) { return at(of.x, j); });
      const double variance = average([&](int64_t j) { return std::pow(at(of.x, j) - m, 2); });
      const double s = 1 / std::sqrt(variance + rule.epsilon);
      const auto z = [&](int64_t j) { return (at(of.x, j) - m) * s; };
      const auto g = [&](int64_t j) { return at(of.gradient, j); };
      const auto h = [&](int64_t j) { return at(of.direction, j); };
      const double mean_g = average(g), mean_h = average(h);
      const double a = average([&](int64_t j) { return g(j) * z(j); });
      const double b = average([&](int64_t j) { return h(j) * z(j); });
      const double c = average([&](int64_t j) { return (g(j) - mean_g) * h(j); });
      for (int64_t j = 0; j < of.columns; ++j) {
        const double value = of.gain[j % of.channels] * z(j) + of.shift[j % of.channels];
        y.push_back(value > 0 ? value : slope * value);
        gradient.push_back(s * (g(j) - mean_g - z(j) * a));
        hessian.push_back(-s * s * ((c - 3 * a * b) * z(j) + a * (h(j) - mean_h) + b * (g(j) - mean_g)));
      }
      mean.push_back(m);
      inverse.push_back(s);
    }
  }
};

struct Result {
  std::vector<float> y, mean, inverse, gradient, hessian;
};

/// All three, every matrix `offset` floats into its memory.
template <class Stream>
Result run(Stream& stream, const Sample& of, const LayerNorm& rule, int64_t offset = 0) {
  const auto shifted = [&](std::vector<float> values) {
    values.insert(values.begin(), static_cast<size_t>(offset), 7.0f);
    return values;
  };
  OnStream x(stream, shifted(of.x)), g(stream, shifted(of.gradient)), h(stream, shifted(of.direction));
  OnStream y(stream, shifted(of.x)), dx(stream, shifted(of.x)), ddx(stream, shifted(of.x));
  OnStream gain(stream, of.gain), shift(stream, of.shift);
  OnStream mean(stream, std::vector<float>(of.rows)), inverse(stream, std::vector<float>(of.rows));
  const auto view = [&](auto& all) { return Matrix<float>{all.data() + offset, of.rows, of.columns}; };
  const auto dense = [&](auto& all) {
    const std::vector<float> values = all.host();
    return std::vector<float>(values.begin() + offset, values.end());
  };
  layer_norm(stream, rule, view(x), gain.vector(), shift.vector(), view(y), mean.vector(), inverse.vector());
  layer_norm_gradient(stream, view(x), mean.vector(), inverse.vector(), view(g), view(dx));
  layer_norm_hessian(stream, view(x), mean.vector(), inverse.vector(), view(g), view(h), view(ddx));
  return {dense(y), mean.host(), inverse.host(), dense(dx), dense(ddx)};
}

}  // namespace

TEST_CASE("layer normalisation and its derivatives follow their formulas", "[layer_norm]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const auto& [rows, columns, channels] : {std::array<int64_t, 3>{0, 4, 4},
                                                  {1, 5, 5},
                                                  {3, 17, 1},
                                                  {2, 96, 32},
                                                  {5, 63, 3},
                                                  {2, 4096, 4096},
                                                  {3, 8208, 16},
                                                  {2, 4097, 17},
                                                  {70, 12, 4}})
      for (const Activation activation : {Activation::None, Activation::LeakyRelu}) {
        INFO(rows << "x" << columns << ", " << channels << " channels");
        const LayerNorm rule{1e-3f, activation, 0.2f};
        const Sample sample(source, rows, columns, channels, 0.5f);
        const Reference expected(sample, rule, activation == Activation::None ? 1 : double{0.2f});
        const Result got = run(stream, sample, rule);
        // A few dozen roundings.
        require_near("y", got.y, expected.y, 3e-6);
        require_near("mean", got.mean, expected.mean, 1e-6);
        require_near("inverse deviation", got.inverse, expected.inverse, 1e-6);
        require_near("gradient", got.gradient, expected.gradient, 3e-6);
        require_near("hessian", got.hessian, expected.hessian, 6e-6);
        const Result shifted = run(stream, sample, rule, 1);
        REQUIRE(shifted.y == got.y);
        REQUIRE(shifted.gradient == got.gradient);
        REQUIRE(shifted.hessian == got.hessian);
      }
  });
}

// The mean is a float, so that x - mean may be off by half an ulp of 1e4, 2^-11; of that size are a few other
// roundings.
TEST_CASE("a large mean costs layer normalisation no more digits than its own rounding", "[layer_norm]") {
  constexpr double kUlp = 0x1p-10;
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    const Sample sample(source, 3, 5000, 5, 1e4f);
    const Reference expected(sample, {}, 1);
    const Result got = run(stream, sample, {});
    for (size_t row = 0; row < 3; ++row) {
      REQUIRE(std::abs(got.mean[row] - expected.mean[row]) <= kUlp);
      REQUIRE(std::abs(got.inverse[row] / expected.inverse[row] - 1) <= 1e-5);
    }
    require_near("y", got.y, expected.y, 2 * kUlp);
    require_near("gradient", got.gradient, expected.gradient, 2 * kUlp);
  });
}

TEST_CASE("a NaN stays in its row, and is seen there", "[layer_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    Sample sample(source, 3, 40, 8, 0);
    sample.x[40 + 39] = NAN;
    const Result got = run(stream, sample, {.activation = Activation::Relu});
    for (size_t i = 0; i < got.y.size(); ++i) {
      REQUIRE(std::isnan(got.y[i]) == (i / 40 == 1));
      REQUIRE(std::isnan(got.gradient[i]) == (i / 40 == 1));
    }
  });
}

TEST_CASE("layer normalisation refuses gains that do not repeat and wrong sizes", "[layer_norm]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>(12)), c(stream, std::vector<float>(4)), two(stream, std::vector<float>(2));
    const auto forward = [&](int64_t gain, int64_t shift, Vector<float> mean, const LayerNorm& rule = {}) {
      layer_norm(stream, rule, x.matrix(2, 6), {c.data(), gain}, {c.data(), shift}, x.matrix(2, 6), mean, two.vector());
    };
    forward(3, 3, two.vector());
    REQUIRE_THROWS_AS(forward(4, 4, two.vector()), ShapeError);
    REQUIRE_THROWS_AS(forward(0, 0, two.vector()), ShapeError);
    REQUIRE_THROWS_AS(forward(3, 2, two.vector()), ShapeError);
    REQUIRE_THROWS_AS(forward(3, 3, c.vector()), ShapeError);
    REQUIRE_THROWS_AS(forward(3, 3, two.vector(), {.activation = Activation::Tanh}), UsageError);
    REQUIRE_THROWS_AS(forward(3, 3, two.vector(), {.activation = Activation::LeakyRelu, .slope = -1}), UsageError);
    REQUIRE_THROWS_AS(
        layer_norm_gradient(stream, x.matrix(2, 6), two.vector(), two.vector(), x.matrix(3, 4), x.matrix(2, 6)),
        ShapeError);
    REQUIRE_THROWS_AS(
        layer_norm_gradient(stream, x.matrix(2, 0), two.vector(), two.vector(), x.matrix(2, 0), x.matrix(2, 0)),
        ShapeError);
  });
}
