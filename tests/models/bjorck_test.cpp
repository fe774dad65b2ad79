#include "models/bjorck.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/random.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"

namespace wasserkern::testing {
namespace {

using models::Bjorck;
using models::orthonormalised;

/// a [rows, inner] times b [inner, columns], or times the transpose of b [columns, inner].
Doubles product(const Doubles& a, const Doubles& b, int64_t rows, int64_t inner, bool transposed = false) {
  const auto columns = static_cast<int64_t>(b.size()) / inner;
  Doubles out(static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t k = 0; k < inner; ++k)
        out[i * columns + j] += a[i * inner + k] * b[transposed ? j * inner + k : k * columns + j];
  return out;
}

/// The iteration as it is printed, from the weight over the l4 norm of its singular values.
Doubles iterated(Doubles w, int64_t rows, int64_t columns, const Bjorck& rule) {
  double fourth = 0;
  for (const double value : product(w, w, rows, columns, true)) fourth += value * value;
  for (double& value : w) value /= std::pow(fourth, 0.25);
  for (int64_t i = 0; i < rule.iterations; ++i) {
    const Doubles cube = product(product(w, w, rows, columns, true), w, rows, rows);
    for (size_t k = 0; k < w.size(); ++k) w[k] = (1 + double{rule.beta}) * w[k] - rule.beta * cube[k];
  }
  return w;
}

/// How far the products of a matrix with its transpose, on its smaller side, are from the unit matrix.
double distance_from_orthonormal(const Tensor& w) {
  const bool wide = w.shape()[0] <= w.shape()[1];
  const auto values =
      (wide ? matmul(w, Transpose::No, w, Transpose::Yes) : matmul(w, Transpose::Yes, w, Transpose::No)).to_host();
  const int64_t size = std::min(w.shape()[0], w.shape()[1]);
  double farthest = 0;
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      farthest = std::max(farthest, std::abs(values[i * size + j] - (i == j ? 1.0 : 0.0)));
  return farthest;
}

}  // namespace

TEST_CASE("orthonormalisation differentiates twice through its iterations", "[bjorck]") {
  for (const Shape& shape : {Shape{3, 5}, {5, 3}, {4, 4}, {1, 6}, {6, 1}, {1, 1}})
    for (const Bjorck& rule : {Bjorck{1, 0.5f}, Bjorck{3, 0.5f}, Bjorck{4, 0.25f}})
      check_op({"orthonormalised " + shape.text(),
                {shape},
                [=](const auto& w) { return orthonormalised(w[0], rule); },
                [=](const auto& w) { return iterated(w[0], shape[0], shape[1], rule); }});
}

// Twice 1 - 1e-3 of a singular value, squared.
TEST_CASE("matrices of any shape, scale and device become orthonormal", "[bjorck]") {
  Random random(test_device(), 5);
  for (const Shape& shape : {Shape{1, 128}, {128, 2}, {2, 128}, {1, 1}, {33, 65}, {65, 33}})
    for (const float scale : {1e-4f, 1.0f, 1e4f}) {
      INFO(shape.text() << " times " << scale);
      const Tensor w = random.normal(shape) * scale;
      // Of square matrices the least singular value is some thousand times below the largest.
      const Tensor result = orthonormalised(w, {.iterations = 40});
      CHECK(distance_from_orthonormal(result) < 1e-5);
      CHECK(distance_from_orthonormal(orthonormalised(result)) < 1e-5);
    }
}

TEST_CASE("an orthonormal matrix stays, and what is nearly singular is not raised above 1", "[bjorck]") {
  Random random(test_device(), 6);
  const Tensor fixed = orthonormalised(random.normal({24, 24}), {.iterations = 60});
  const auto before = fixed.to_host(), after = orthonormalised(fixed, {.iterations = 7}).to_host();
  for (size_t k = 0; k < before.size(); ++k) CHECK(after[k] == Approx(before[k]).margin(1e-5));

  // A product of rank 3 has 21 singular values of about 0.
  const Tensor thin = matmul(random.normal({24, 3}), Transpose::No, random.normal({3, 24}), Transpose::No);
  const Tensor result = orthonormalised(thin);
  // Tr(R R') counts them.
  CHECK(sum(square(result)).item() == Approx(3).epsilon(1e-3));
}

TEST_CASE("orthonormalising 0 gives 0 and a finite derivative", "[bjorck]") {
  Tensor w = Tensor::full(test_device(), {3, 4}, 0);
  w.require_gradient();
  const Tensor result = orthonormalised(w);
  CHECK(result.to_host() == std::vector<float>(12, 0));
  for (const float value : grad(sum(result), w).to_host()) CHECK(std::isfinite(value));
}

TEST_CASE("orthonormalisation needs a matrix, iterations, and beta up to a half", "[bjorck]") {
  const auto of = [](const Shape& shape, const Bjorck& rule) {
    return orthonormalised(Tensor::full(test_device(), shape, 1), rule);
  };
  CHECK_NOTHROW(of({2, 3}, {1, 0.5f}));
  CHECK_THROWS_AS(of({2, 3, 1}, {}), UsageError);
  CHECK_THROWS_AS(of({2, 3}, {.iterations = 0}), UsageError);
  for (const float beta : {0.0f, -0.5f, 0.51f, NAN}) CHECK_THROWS_AS(of({2, 3}, {.beta = beta}), UsageError);
}

}  // namespace wasserkern::testing
