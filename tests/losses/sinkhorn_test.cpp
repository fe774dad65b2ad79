#include "losses/transport/sinkhorn.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "tests/device.h"
#include "tests/losses/sinkhorn_reference.h"

namespace wasserkern::testing {
namespace {

using losses::CostStorage;
using losses::EntropicTransport;
using losses::Measure;
using losses::SinkhornDivergence;
using losses::SinkhornRule;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// n random points in d dimensions, with masses of which some are 0, or with none given.
Measure random_measure(std::mt19937_64& source, int64_t n, int64_t d, bool equal, float scale = 1) {
  Measure measure{Tensor::from_host(test_device(), {n, d}, random_normals(source, n * d, scale)), {}};
  std::uniform_real_distribution<double> mass(0.1, 1);
  if (!equal)
    for (int64_t i = 0; i < n; ++i) measure.mass.push_back(i > 0 && source() % 4 == 0 ? 0 : mass(source));
  return measure;
}

Entropic expected_between(const Cost& cost, double epsilon, const Measure& a, const Measure& b) {
  return entropic_reference(cost, epsilon, points_of(a), points_of(b));
}

}  // namespace

TEST_CASE("Sinkhorn's iteration finds entropic transport, for every cost, any masses and sizes", "[sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Sizes {
    int64_t m, n, d;
  };
  for (const auto& [m, n, d] : {Sizes{1, 1, 3}, {1, 7, 2}, {9, 1, 4}, {13, 13, 5}, {17, 11, 3}})
    for (const Cost& cost : {Cost(LqCost{2, 1}), Cost(LqCost{2, 2}), Cost(LqCost{1, 1}), Cost(LqCost{3, 2})})
      for (const bool equal : {true, false}) {
        const Measure a = random_measure(source, m, d, equal), b = random_measure(source, n, d, equal);
        const float epsilon = source() % 2 ? 0.1f : 1.0f;
        INFO(cost_name(cost) << " " << m << "x" << n << "x" << d << " epsilon " << epsilon << " equal " << equal);
        const Entropic expected = expected_between(cost, epsilon, a, b);
        for (const CostStorage storage : {CostStorage::Matrix, CostStorage::Rows}) {
          const EntropicTransport found =
              losses::sinkhorn(cost, a, b, {.epsilon = epsilon, .tolerance = 2e-5f}, {}, storage);
          REQUIRE(found.converged);
          CHECK(found.marginal_error <= 2e-5);
          // Rounding of costs and potentials, some 1e-7 of them each; the tolerance enters squared, and multiplied by
          // as many iterations as would still change something where potentials settle slowly.
          CHECK(found.value == Approx(expected.value).epsilon(2e-6).margin(1e-6));
          const Entropic coupling = coupling_of(cost, epsilon, points_of(a), points_of(b), found);
          double moved = 0;
          for (size_t at = 0; at < coupling.coupling.size(); ++at)
            moved += std::abs(coupling.coupling[at] - expected.coupling[at]);
          CHECK(moved < 1e-3);  // of a mass of 1
        }
      }
}

TEST_CASE("epsilon falls far below the costs", "[sinkhorn]") {
  // Costs of about 50, as of images: paper 004's least epsilon.
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Cost cost = LqCost{2, 1};
  const Measure a = random_measure(source, 30, 12, true, 10), b = random_measure(source, 30, 12, true, 10);
  const losses::ExactTransport exact = losses::exact_transport(cost, a, b);
  REQUIRE(exact.certified);
  REQUIRE(exact.primal > 25);
  // A matrix is reduced by what is known, so that floats have more digits for what is less than epsilon.
  for (const auto& [storage, tolerance] : {std::pair(CostStorage::Matrix, 1e-4f), {CostStorage::Rows, 1e-3f}}) {
    const EntropicTransport found =
        losses::sinkhorn(cost, a, b, {.epsilon = 0.01f, .tolerance = tolerance, .most_iterations = 3000}, {}, storage);
    CHECK(found.converged);
    CHECK(found.value == Approx(exact.primal).margin(0.01 * std::log(30.0) + 1e-4));
  }
}

TEST_CASE("entropic transport tends to exact transport, from above", "[sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Cost cost = LqCost{2, 2};
  const Measure a = random_measure(source, 24, 3, false), b = random_measure(source, 31, 3, false);
  Measure scaled = b;  // to the same sum, which exact transport wants
  const double mass = std::accumulate(a.mass.begin(), a.mass.end(), 0.0);
  const double factor = mass / std::accumulate(b.mass.begin(), b.mass.end(), 0.0);
  for (double& value : scaled.mass) value *= factor;
  const losses::ExactTransport exact = losses::exact_transport(cost, a, scaled);
  REQUIRE(exact.certified);
  const double least = exact.primal / mass;
  double last = std::numeric_limits<double>::infinity();
  for (const float epsilon : {1.0f, 0.3f, 0.1f, 0.03f, 0.01f}) {
    const EntropicTransport found =
        losses::sinkhorn(cost, a, b, {.epsilon = epsilon, .tolerance = 1e-4f, .most_iterations = 3000});
    REQUIRE(found.converged);
    const Entropic coupling = coupling_of(cost, epsilon, points_of(a), points_of(b), found);
    // KL is not negative, and of the best coupling no more than the entropy of either measure.
    CHECK(found.value >= least - 1e-5);
    CHECK(found.value <= least + epsilon * std::log(24.0) + 1e-5);
    CHECK(coupling.cost >= least - 1e-4 * 10);  // what mass of the marginal error could save
    CHECK(coupling.cost <= found.value + 1e-4);
    CHECK(found.value < last);
    last = found.value;
  }
}

TEST_CASE("the Sinkhorn divergence is none within a measure, positive between two, and symmetric", "[sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const float epsilon : {0.05f, 0.5f, 100.0f}) {
    const SinkhornRule rule{.epsilon = epsilon, .tolerance = 1e-5f};
    const Measure a = random_measure(source, 12, 4, false), b = random_measure(source, 9, 4, true);
    const SinkhornDivergence to = losses::sinkhorn_divergence(LqCost{2, 1}, a, b, rule);
    const SinkhornDivergence from = losses::sinkhorn_divergence(LqCost{2, 1}, b, a, rule);
    const SinkhornDivergence none = losses::sinkhorn_divergence(LqCost{2, 1}, a, a, rule);
    REQUIRE((to.converged() && from.converged() && none.converged()));
    INFO("epsilon " << epsilon << ": " << to.value());
    CHECK(to.value() > 0.01);
    CHECK(from.value() == Approx(to.value()).margin(5e-6));
    CHECK(none.value() == Approx(0).margin(5e-6));
    const double expected = expected_between(LqCost{2, 1}, epsilon, a, b).value -
                            expected_between(LqCost{2, 1}, epsilon, a, a).value / 2 -
                            expected_between(LqCost{2, 1}, epsilon, b, b).value / 2;
    CHECK(to.value() == Approx(expected).margin(5e-6));
  }
}

TEST_CASE("a measure to itself takes few iterations, and potentials to start at save some", "[sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Measure a = random_measure(source, 40, 3, true), b = random_measure(source, 40, 3, true);
  const SinkhornRule rule{.epsilon = 0.05f, .tolerance = 1e-4f};
  const EntropicTransport itself = losses::sinkhorn_to_itself(LqCost{2, 1}, a, rule);
  CHECK(itself.converged);
  CHECK(itself.iterations <= 20);
  CHECK(itself.value == Approx(losses::sinkhorn(LqCost{2, 1}, a, a, rule).value).margin(1e-5));

  const EntropicTransport first = losses::sinkhorn(LqCost{2, 1}, a, b, rule);
  const EntropicTransport again = losses::sinkhorn(LqCost{2, 1}, a, b, rule, first.source_potential);
  CHECK(again.converged);
  CHECK(again.iterations <= 3);
  CHECK(again.iterations < first.iterations);
  const EntropicTransport hasty =
      losses::sinkhorn(LqCost{2, 1}, a, b, {.epsilon = 0.05f, .tolerance = 1e-4f, .most_iterations = 3});
  CHECK_FALSE(hasty.converged);
  CHECK(hasty.iterations == 3);
  CHECK(hasty.marginal_error > 1e-4);
  CHECK(hasty.value < first.value);  // the dual's value is never above
}

TEST_CASE("where potentials settle slowly acceleration saves most iterations", "[sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Measure a = random_measure(source, 40, 2, true), b = random_measure(source, 40, 2, true);
  constexpr float kEpsilon = 0.1f;
  const EntropicTransport found = losses::sinkhorn(LqCost{2, 2}, a, b, {.epsilon = kEpsilon, .tolerance = 1e-5f});
  CHECK(found.converged);
  const int plain = entropic_reference(LqCost{2, 2}, kEpsilon, points_of(a), points_of(b), 1e-5 * kEpsilon).iterations;
  INFO(found.iterations << " iterations, plain ones " << plain);
  CHECK(found.iterations * 3 < plain);
}

TEST_CASE("values on the tape have the gradients of entropic transport", "[sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : {Cost(LqCost{2, 1}), Cost(LqCost{2, 2}), Cost(LqCost{1.5f, 1.5f})}) {
    INFO(cost_name(cost));
    constexpr float kEpsilon = 0.4f;
    const SinkhornRule rule{.epsilon = kEpsilon, .tolerance = 1e-6f};
    Measure a = random_measure(source, 5, 2, false), b = random_measure(source, 4, 2, true);
    a.points.require_gradient();
    b.points.require_gradient();
    const auto check = [&](const Tensor& value, double expected, const std::function<double()>& again,
                           WeightedPoints& x, WeightedPoints& y) {
      CHECK(value.item() == Approx(expected).margin(1e-5));
      const std::vector<Tensor> gradients = grad({3.0f * value}, {a.points, b.points});
      for (size_t side : {0u, 1u}) {
        const std::vector<double> slopes = differences(side == 0 ? x.points : y.points, again);
        const std::vector<float> gradient = gradients[side].to_host();
        for (size_t k = 0; k < slopes.size(); ++k) CHECK(gradient[k] == Approx(3 * slopes[k]).margin(2e-4));
      }
    };
    WeightedPoints x = points_of(a), y = points_of(b);
    const auto value = [&] { return entropic_reference(cost, kEpsilon, x, y).value; };
    const auto divergence = [&] {
      return value() - entropic_reference(cost, kEpsilon, x, x).value / 2 -
             entropic_reference(cost, kEpsilon, y, y).value / 2;
    };
    check(losses::transport_value(cost, kEpsilon, a, b, losses::sinkhorn(cost, a, b, rule)), value(), value, x, y);
    check(losses::transport_value(cost, kEpsilon, a, b, losses::sinkhorn_divergence(cost, a, b, rule)), divergence(),
          divergence, x, y);
  }
}

TEST_CASE("entropic transport of a matrix of costs is that of its points", "[sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Measure a = random_measure(source, 12, 3, false), b = random_measure(source, 9, 3, false);
  const SinkhornRule rule{.epsilon = 0.2f};
  const Tensor costs = pairwise_cost(LqCost{1, 1}, a.points, b.points);
  const EntropicTransport by_costs = losses::sinkhorn(costs, rule, a.mass, b.mass);
  const EntropicTransport by_points = losses::sinkhorn(LqCost{1, 1}, a, b, rule);
  CHECK(by_costs.value == by_points.value);
  CHECK(by_costs.source_potential.to_host() == by_points.source_potential.to_host());
  CHECK(losses::sinkhorn(costs + 1e3f, rule, a.mass, b.mass).value == Approx(by_points.value + 1e3).epsilon(1e-6));
}

TEST_CASE("what is no measure, no cost or no rule is refused by Sinkhorn's iteration", "[sinkhorn]") {
  std::mt19937_64 source(1);
  const Cost cost = LqCost{2, 1};
  const Measure a = random_measure(source, 3, 2, true), none = random_measure(source, 0, 2, true);
  const auto with = [&](std::vector<double> mass) { return Measure{a.points, std::move(mass)}; };
  CHECK_THROWS_AS(losses::sinkhorn(cost, a, none, {}), ShapeError);
  CHECK_THROWS_AS(losses::sinkhorn(cost, none, a, {}), ShapeError);
  CHECK_THROWS_AS(losses::sinkhorn(cost, a, random_measure(source, 3, 5, true), {}), ShapeError);
  CHECK_THROWS_AS(losses::sinkhorn(cost, a, with({1, 1}), {}), ShapeError);
  CHECK_THROWS_AS(losses::sinkhorn(cost, a, a, {}, Tensor::full(test_device(), {4}, 0)), ShapeError);
  for (const double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THROWS_AS(losses::sinkhorn(cost, with({1, bad, 1}), a, {}), DataError);
    CHECK_THROWS_AS(losses::sinkhorn(cost, a, with({1, bad, 1}), {}), DataError);
  }
  CHECK_THROWS_AS(losses::sinkhorn(cost, with({0, 0, 0}), a, {}), DataError);
  for (const float bad : {kNan, kInfinity})
    for (const CostStorage storage : {CostStorage::Matrix, CostStorage::Rows}) {
      const Measure broken{Tensor::from_host(test_device(), {3, 2}, std::vector<float>{0, 1, bad, 0, 1, 2}), {}};
      CHECK_THROWS_AS(losses::sinkhorn(cost, broken, a, {}, {}, storage), DataError);
      CHECK_THROWS_AS(losses::sinkhorn_divergence(cost, a, broken, {}, storage), DataError);
      const Tensor start = Tensor::full(test_device(), {3}, bad);
      CHECK_THROWS_AS(losses::sinkhorn(cost, a, a, {}, start, storage), DataError);
    }
  for (const SinkhornRule& rule :
       {SinkhornRule{.epsilon = 0}, SinkhornRule{.epsilon = kNan}, SinkhornRule{.tolerance = 0},
        SinkhornRule{.most_iterations = 0}, SinkhornRule{.scaling = 1}, SinkhornRule{.scaling = kNan}})
    CHECK_THROWS_AS(losses::sinkhorn(cost, a, a, rule), UsageError);
}

}  // namespace wasserkern::testing
