#include "losses/objectives/transport_map.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

constexpr int64_t kPoints = 11, kFeatures = 5;

Tensor random_points(std::mt19937_64& source) {
  return Tensor::from_host(test_device(), {kPoints, kFeatures}, random_normals(source, kPoints * kFeatures));
}

}  // namespace

TEST_CASE("a cost to one place is a potential whose map goes there", "[transport_map]") {
  // phi(x) = c(x, y0) and psi = -c(y0, y0) = 0 at y0: every x is transported to y0, whatever q and p.
  std::mt19937_64 source(test_seed());
  const Tensor points = random_points(source), other = random_points(source);
  const Tensor place = broadcast_to(other.viewed_rows(0, 1), points.shape());
  const auto expected = place.to_host();
  for (const LqCost cost : {LqCost{2, 2}, {2, 1.5f}, {2, 3}, {3, 2}, {1.5f, 1.5f}, {1.5f, 4}, {4, 1.25f}}) {
    INFO("seed " << test_seed() << ", " << cost.name());
    const losses::Critic potential = [&](const Tensor& x) { return paired_cost(cost, place, x); };
    const Tensor moved = losses::transport_map(cost, potential, points);
    CHECK_FALSE(moved.on_tape());
    // Roots of up to 1/(q-1) and 1/(p-1) lose some digits of a gradient.
    const auto values = moved.to_host();
    for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == Approx(expected[i]).margin(3e-5));
  }
}

TEST_CASE("the map of paper 000's equation 11", "[transport_map]") {
  // phi(x) = |x|^2 / 4 + sum_k x_k has the gradient x / 2 + 1.
  std::mt19937_64 source(test_seed());
  const Tensor points = random_points(source);
  const losses::Critic potential = [](const Tensor& x) { return sum_over_columns(0.25f * square(x) + x); };
  const auto from = points.to_host();
  for (const float p : {2.0f, 1.5f, 3.0f}) {
    const double conjugate = p / (p - 1.0);
    const auto to = losses::transport_map({.q = 2, .p = p}, potential, points).to_host();
    for (size_t row = 0; row < kPoints; ++row) {
      double squares = 0;
      for (size_t k = 0; k < kFeatures; ++k) squares += std::pow(from[row * kFeatures + k] / 2.0 + 1, 2);
      const double factor = std::pow(std::sqrt(squares), conjugate - 2);
      for (size_t k = 0; k < kFeatures; ++k) {
        const double x = from[row * kFeatures + k];
        CHECK(to[row * kFeatures + k] == Approx(x - factor * (x / 2 + 1)).margin(1e-5));
      }
    }
  }
}

TEST_CASE("a transport map can be taken where the tape is off, and leaves it off", "[transport_map]") {
  std::mt19937_64 source(test_seed());
  const Tensor points = random_points(source);
  const losses::Critic potential = [](const Tensor& x) { return sum_over_columns(square(x)); };
  const TapeOff off;
  const auto from = points.to_host(), to = losses::transport_map({}, potential, points).to_host();
  for (size_t i = 0; i < from.size(); ++i) CHECK(to[i] == Approx(-from[i]));
  Tensor x = random_points(source);
  x.require_gradient();
  CHECK_FALSE(square(x).on_tape());
}

TEST_CASE("a flat potential moves nothing", "[transport_map]") {
  std::mt19937_64 source(test_seed());
  const Tensor points = random_points(source);
  for (const LqCost cost : {LqCost{2, 2}, {1.5f, 3}}) {
    const losses::Critic flat = [](const Tensor& x) { return sum_over_columns(0.0f * x); };
    CHECK(losses::transport_map(cost, flat, points).to_host() == points.to_host());
  }
}

TEST_CASE("costs without a transport map are refused", "[transport_map]") {
  std::mt19937_64 source(test_seed());
  const Tensor points = random_points(source);
  const losses::Critic potential = [](const Tensor& x) { return sum_over_columns(square(x)); };
  for (const LqCost cost : {LqCost{1, 1}, {1, 2}, {2, 1}, {0.5f, 2}})
    CHECK_THROWS_AS(losses::transport_map(cost, potential, points), UsageError);
}

}  // namespace wasserkern::testing
