#include "kernels/batch_norm.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

using Doubles = std::vector<double>;

/// Batch normalisation and its gradient by plain loops, column after column.
struct Reference {
  Doubles y, mean, inverse, running_mean, running_variance;
  Doubles x_gradient, gain_gradient, shift_gradient;

  Reference(const BatchNorm& rule, int64_t rows, int64_t columns, const std::vector<float>& x,
            const std::vector<float>& gain, const std::vector<float>& shift, const std::vector<float>& running_mean0,
            const std::vector<float>& running_variance0, const std::vector<float>& gradient)
      : y(x.size()), x_gradient(x.size()) {
    const double slope = rule.activation == Activation::None ? 1 : rule.activation == Activation::Relu ? 0 : rule.slope;
    const double n = static_cast<double>(rows);
    for (int64_t j = 0; j < columns; ++j) {
      double total = 0, squares = 0, by_shift = 0, by_gain = 0;
      for (int64_t i = 0; i < rows; ++i) total += x[i * columns + j];
      const double m = total / n;
      for (int64_t i = 0; i < rows; ++i) squares += (x[i * columns + j] - m) * (x[i * columns + j] - m);
      const double s = 1 / std::sqrt(squares / n + rule.epsilon);
      Doubles before(rows);
      for (int64_t i = 0; i < rows; ++i) {
        const double z = gain[j] * (x[i * columns + j] - m) * s + shift[j];
        y[i * columns + j] = z > 0 ? z : slope * z;
        before[i] = gradient[i * columns + j] * (z > 0 ? 1 : slope);
        by_shift += before[i];
        by_gain += before[i] * (x[i * columns + j] - m) * s;
      }
      for (int64_t i = 0; i < rows; ++i)
        x_gradient[i * columns + j] =
            gain[j] * s * (before[i] - by_shift / n - (x[i * columns + j] - m) * s * by_gain / n);
      mean.push_back(m);
      inverse.push_back(s);
      running_mean.push_back((1 - double{rule.momentum}) * running_mean0[j] + rule.momentum * m);
      running_variance.push_back((1 - double{rule.momentum}) * running_variance0[j] +
                                 rule.momentum * squares / (n - 1));
      gain_gradient.push_back(by_gain);
      shift_gradient.push_back(by_shift);
    }
  }
};

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

struct Result {
  std::vector<float> y, mean, inverse, running_mean, running_variance, x_gradient, gain_gradient, shift_gradient;
};

/// Forward and gradient with every matrix `offset` floats into its memory and `gap` floats between rows.
template <class Stream>
Result run(Stream& stream, const BatchNorm& rule, int64_t rows, int64_t columns, const std::vector<float>& x,
           const std::vector<float>& gain, const std::vector<float>& shift, const std::vector<float>& running_mean,
           const std::vector<float>& running_variance, const std::vector<float>& gradient, int64_t offset = 0,
           int64_t gap = 0) {
  const int64_t stride = columns + gap;
  const auto spaced = [&](const std::vector<float>& dense) {
    std::vector<float> all(static_cast<size_t>(offset + rows * stride), 7.0f);
    for (int64_t i = 0; i < rows; ++i)
      std::copy_n(dense.begin() + i * columns, columns, all.begin() + offset + i * stride);
    return all;
  };
  const auto dense = [&](const std::vector<float>& all) {
    std::vector<float> values;
    for (int64_t i = 0; i < offset + rows * stride; ++i)
      if (i >= offset && (i - offset) % stride < columns)
        values.push_back(all[i]);
      else
        REQUIRE(all[i] == 7);
    return values;
  };
  OnStream from(stream, spaced(x)), above(stream, spaced(gradient)), g(stream, gain), b(stream, shift);
  OnStream moving_mean(stream, running_mean), moving_variance(stream, running_variance);
  const std::vector<float> seven(offset + rows * stride, 7.0f);
  OnStream y(stream, seven), dx(stream, seven);
  OnStream mean(stream, std::vector<float>(columns)), inverse(stream, std::vector<float>(columns));
  OnStream dg(stream, std::vector<float>(columns)), db(stream, std::vector<float>(columns));
  const auto view = [&](auto& of) { return Matrix<float>{of.data() + offset, rows, columns, stride}; };
  batch_norm(stream, rule, view(from), g.vector(), b.vector(), moving_mean.vector(), moving_variance.vector(), view(y),
             mean.vector(), inverse.vector());
  batch_norm_gradient(stream, rule, view(from), g.vector(), b.vector(), mean.vector(), inverse.vector(), view(above),
                      view(dx), dg.vector(), db.vector());
  return {dense(y.host()),        mean.host(),      inverse.host(), moving_mean.host(),
          moving_variance.host(), dense(dx.host()), dg.host(),      db.host()};
}

/// The same input for both sides. Signs of y are away from 0, where the two could disagree on the activation.
struct Case {
  int64_t rows, columns;
  std::vector<float> x, gain, shift, running_mean, running_variance, gradient;

  Case(std::mt19937_64& source, int64_t rows, int64_t columns, float centre, float deviation)
      : rows(rows),
        columns(columns),
        x(random_normals(source, rows * columns, deviation)),
        gain(random_normals(source, columns)),
        shift(random_normals(source, columns)),
        running_mean(random_normals(source, columns)),
        running_variance(random_normals(source, columns)),
        gradient(random_normals(source, rows * columns)) {
    for (float& value : x) value += centre;
    for (float& value : gain) value += std::copysign(0.5f, value);
  }
  Reference reference(const BatchNorm& rule) const {
    return {rule, rows, columns, x, gain, shift, running_mean, running_variance, gradient};
  }
  template <class Stream>
  Result result(Stream& stream, const BatchNorm& rule, int64_t offset = 0, int64_t gap = 0) const {
    return run(stream, rule, rows, columns, x, gain, shift, running_mean, running_variance, gradient, offset, gap);
  }
};

void require_near(const Result& got, const Reference& expected, double tolerance) {
  require_near("y", got.y, expected.y, tolerance);
  require_near("mean", got.mean, expected.mean, tolerance);
  require_near("inverse deviation", got.inverse, expected.inverse, tolerance);
  require_near("running mean", got.running_mean, expected.running_mean, tolerance);
  require_near("running variance", got.running_variance, expected.running_variance, tolerance);
  require_near("gradient of x", got.x_gradient, expected.x_gradient, tolerance);
  require_near("gradient of the gain", got.gain_gradient, expected.gain_gradient, tolerance);
  require_near("gradient of the shift", got.shift_gradient, expected.shift_gradient, tolerance);
}

const std::vector<std::pair<int64_t, int64_t>> kShapes = {{2, 1},    {2, 5},   {3, 16},  {5, 17},   {64, 130},
                                                          {255, 31}, {256, 4}, {257, 3}, {600, 36}, {1100, 1}};

}  // namespace

TEST_CASE("batch normalisation and its gradient follow their formulas", "[batch_norm]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const auto& [rows, columns] : kShapes) {
      INFO(rows << "x" << columns);
      const Case sample(source, rows, columns, 0.5f, 2);
      // Two rows may lie close together: then small errors are divided by a small deviation.
      require_near(sample.result(stream, {}), sample.reference({}), rows < 10 ? 2e-4 : 5e-6);
    }
  });
}

TEST_CASE("activations are fused with batch normalisation", "[batch_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const BatchNorm& rule : {BatchNorm{1e-5f, 0.1f, Activation::Relu},
                                  BatchNorm{1e-3f, 0.3f, Activation::LeakyRelu, 0.2f}, BatchNorm{0.5f, 1}}) {
      // A sign that flips by rounding moves a gradient by its whole value; 40 x 21 values are all far enough from 0.
      const Case sample(source, 40, 21, -0.5f, 1);
      require_near(sample.result(stream, rule), sample.reference(rule), 1e-5);
    }
    OnStream x(stream, std::vector<float>(4)), y(stream, std::vector<float>(4)), c(stream, std::vector<float>(2));
    const BatchNorm tanh{.activation = Activation::Tanh};
    REQUIRE_THROWS_AS(batch_norm(stream, tanh, x.matrix(2, 2), c.vector(), c.vector(), c.vector(), c.vector(),
                                 y.matrix(2, 2), c.vector(), c.vector()),
                      UsageError);
  });
}

// The mean is a float, so that x - mean may be off by half an ulp of 1e4, 2^-11; of that size are a few other
// roundings.
TEST_CASE("a large mean costs no more digits than its own rounding", "[batch_norm]") {
  constexpr double kUlp = 0x1p-10;
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{64, 20}, {1000, 7}}) {
      const Case sample(source, rows, columns, 1e4f, 1);
      const Reference expected = sample.reference({});
      const Result got = sample.result(stream, {});
      for (int64_t j = 0; j < columns; ++j) {
        REQUIRE(std::abs(got.mean[j] - expected.mean[j]) <= 2 * kUlp);
        REQUIRE(std::abs(got.inverse[j] / expected.inverse[j] - 1) <= 1e-5);
      }
      for (size_t i = 0; i < got.y.size(); ++i)
        REQUIRE(std::abs(got.y[i] - expected.y[i]) <= 3 * kUlp * (1 + std::abs(sample.gain[i % columns])));
      require_near("gradient of x", got.x_gradient, expected.x_gradient, 4 * kUlp);
    }
  });
}

TEST_CASE("batch normalisation depends neither on alignment nor on stride, and repeats bit for bit", "[batch_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    const Case sample(source, 300, 37, 0, 1);
    const BatchNorm rule{.activation = Activation::LeakyRelu, .slope = 0.2f};
    const Result first = sample.result(stream, rule);
    for (const auto& [offset, gap] : {std::pair<int64_t, int64_t>{0, 0}, {1, 0}, {0, 3}, {4, 7}}) {
      const Result again = sample.result(stream, rule, offset, gap);
      REQUIRE(again.y == first.y);
      REQUIRE(again.x_gradient == first.x_gradient);
      REQUIRE(again.running_variance == first.running_variance);
      REQUIRE(again.gain_gradient == first.gain_gradient);
      REQUIRE(again.shift_gradient == first.shift_gradient);
    }
  });
}

TEST_CASE("inference normalises by the running statistics and leaves them", "[batch_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{0, 3}, {1, 5}, {70, 18}, {3, 64}}) {
      Case sample(source, rows, columns, 0, 1);
      for (float& value : sample.running_variance) value = std::abs(value) + 0.1f;
      const BatchNorm rule{.activation = Activation::Relu};
      OnStream x(stream, sample.x), g(stream, sample.gain), b(stream, sample.shift), y(stream, sample.x);
      OnStream running_mean(stream, sample.running_mean), running_variance(stream, sample.running_variance);
      OnStream mean(stream, std::vector<float>(columns)), inverse(stream, std::vector<float>(columns));
      batch_norm_inference(stream, rule, x.matrix(rows, columns), g.vector(), b.vector(), running_mean.vector(),
                           running_variance.vector(), y.matrix(rows, columns), mean.vector(), inverse.vector());
      REQUIRE(mean.host() == sample.running_mean);
      REQUIRE(running_mean.host() == sample.running_mean);
      REQUIRE(running_variance.host() == sample.running_variance);
      Doubles expected, deviations;
      for (int64_t j = 0; j < columns; ++j)
        deviations.push_back(1 / std::sqrt(sample.running_variance[j] + double{rule.epsilon}));
      for (int64_t i = 0; i < rows * columns; ++i) {
        const int64_t j = i % columns;
        expected.push_back(std::max(
            0.0, sample.gain[j] * (double{sample.x[i]} - sample.running_mean[j]) * deviations[j] + sample.shift[j]));
      }
      require_near("y", y.host(), expected, 1e-6);
      require_near("inverse deviation", inverse.host(), deviations, 1e-6);
    }
  });
}

TEST_CASE("a NaN stays in its channel, and is seen there", "[batch_norm]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    Case sample(source, 300, 6, 0, 1);
    sample.x[299 * 6 + 4] = NAN;
    const Result got = sample.result(stream, {.activation = Activation::Relu});
    for (size_t i = 0; i < got.y.size(); ++i) {
      REQUIRE(std::isnan(got.y[i]) == (i % 6 == 4));
      REQUIRE(std::isnan(got.x_gradient[i]) == (i % 6 == 4));
    }
    for (size_t j = 0; j < 6; ++j) {
      REQUIRE(std::isnan(got.running_mean[j]) == (j == 4));
      REQUIRE(std::isnan(got.running_variance[j]) == (j == 4));
      REQUIRE(std::isnan(got.gain_gradient[j]) == (j == 4));
    }
  });
}

TEST_CASE("batch normalisation refuses a batch of one and wrong sizes, and takes no channels", "[batch_norm]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>(6)), three(stream, std::vector<float>(3)), two(stream, std::vector<float>(2));
    const auto forward = [&](int64_t rows, int64_t columns, Vector<float> gain, Vector<float> running) {
      batch_norm(stream, {}, x.matrix(rows, columns), gain, three.vector(), running, three.vector(),
                 x.matrix(rows, columns), three.vector(), three.vector());
    };
    REQUIRE_THROWS_AS(forward(1, 3, three.vector(), three.vector()), ShapeError);
    REQUIRE_THROWS_AS(forward(2, 3, two.vector(), three.vector()), ShapeError);
    REQUIRE_THROWS_AS(forward(2, 3, three.vector(), two.vector()), ShapeError);
    REQUIRE_THROWS_AS(
        batch_norm_gradient(stream, {}, x.matrix(2, 3), three.vector(), three.vector(), three.vector(), three.vector(),
                            x.matrix(3, 2), x.matrix(2, 3), three.vector(), three.vector()),
        ShapeError);
    const Vector<float> none;
    const Matrix<float> nothing{nullptr, 5, 0};
    batch_norm(stream, {}, nothing, none, none, none, none, nothing, none, none);
    batch_norm_inference(stream, {}, nothing, none, none, none, none, nothing, none, none);
    batch_norm_gradient(stream, {}, nothing, none, none, none, none, nothing, nothing, none, none);
  });
}
