#include "tests/engine/gradient_check.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/tape.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

using Point = std::vector<Doubles>;

Tensor on_device(const Doubles& values, const Shape& shape) {
  return Tensor::from_host(test_device(), shape, std::vector<float>(values.begin(), values.end()));
}

Doubles to_doubles(const Tensor& tensor, int64_t size) {
  if (!tensor.defined()) return Doubles(static_cast<size_t>(size), 0.0);
  const auto host = tensor.to_host();
  return {host.begin(), host.end()};
}

double dot(const Doubles& x, const Doubles& y) {
  double total = 0;
  for (size_t i = 0; i < x.size(); ++i) total += x[i] * y[i];
  return total;
}

/// A point of normal numbers that are exact in float, so that both sides see the same.
Doubles random_point(std::mt19937_64& source, int64_t size, const std::function<double(double)>& domain) {
  std::normal_distribution<double> normal;
  Doubles values(static_cast<size_t>(size));
  for (double& value : values) value = static_cast<float>(domain(normal(source)));
  return values;
}

/// The derivative of f along `direction`, to about h^4, by five points.
double slope_along(const std::function<double(const Point&)>& f, const Point& at, const Point& direction, double h) {
  const auto shifted = [&](double t) {
    Point point = at;
    for (size_t i = 0; i < at.size(); ++i)
      for (size_t k = 0; k < at[i].size(); ++k) point[i][k] += t * direction[i][k];
    return f(point);
  };
  return (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h);
}

Point zeros_like(const Point& point) {
  Point zeros;
  for (const Doubles& values : point) zeros.emplace_back(values.size(), 0.0);
  return zeros;
}

/// All partial derivatives of f.
Point gradient_of(const std::function<double(const Point&)>& f, const Point& at, double h) {
  Point gradient = zeros_like(at), direction = zeros_like(at);
  for (size_t i = 0; i < at.size(); ++i)
    for (size_t k = 0; k < at[i].size(); ++k) {
      direction[i][k] = 1;
      gradient[i][k] = slope_along(f, at, direction, h);
      direction[i][k] = 0;
    }
  return gradient;
}

/// Float arithmetic over a few dozen terms, relative to the largest value there.
void check_close(const Doubles& got, const Doubles& expected, double tolerance) {
  REQUIRE(got.size() == expected.size());
  double scale = 1;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < got.size(); ++i) {
    INFO("element " << i);
    CHECK(got[i] == Approx(expected[i]).margin(tolerance * scale));
  }
}

}  // namespace

void check_op(const OpCase& op) {
  const uint64_t seed = test_seed();
  INFO(op.name << ", seed " << seed);
  std::mt19937_64 source(seed);

  Point at, probes;
  std::vector<Tensor> inputs;
  for (const Shape& shape : op.shapes) {
    at.push_back(random_point(source, shape.size(), op.domain));
    probes.push_back(random_point(source, shape.size(), [](double x) { return x; }));
    inputs.push_back(on_device(at.back(), shape));
    inputs.back().require_gradient();
  }

  const Tensor value = op.op(inputs);
  const Doubles expected = op.reference(at);
  check_close(to_doubles(value, value.size()), expected, 3e-6);

  const Doubles weights = random_point(source, value.size(), [](double x) { return x; });
  const Tensor target = sum(value * on_device(weights, value.shape()));
  const auto reference = [&](const Point& point) { return dot(op.reference(point), weights); };
  const auto gradients = grad(std::vector{target}, inputs, op.twice ? Differentiable::Yes : Differentiable::No);
  const Point expected_gradients = gradient_of(reference, at, 1e-3);
  for (size_t i = 0; i < inputs.size(); ++i) {
    INFO("first derivative in input " << i);
    check_close(to_doubles(gradients[i], inputs[i].size()), expected_gradients[i], 1e-5);
  }
  if (!op.twice) return;

  // The gradient along fixed probes is a scalar again; its gradient holds every second derivative.
  Tensor along;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const Tensor part = sum(gradients[i] * on_device(probes[i], inputs[i].shape()));
    along = along.defined() ? along + part : part;
  }
  REQUIRE(along.defined());
  const auto reference_along = [&](const Point& point) { return slope_along(reference, point, probes, 1e-3); };
  const Point expected_seconds = gradient_of(reference_along, at, 1e-3);
  std::vector<Tensor> seconds(inputs.size());
  if (along.on_tape()) seconds = grad(std::vector{along}, inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    INFO("second derivative in input " << i);
    check_close(to_doubles(seconds[i], inputs[i].size()), expected_seconds[i], 3e-5);
  }
}

}  // namespace wasserkern::testing
