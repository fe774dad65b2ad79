#include "losses/objectives/batch_sinkhorn.h"

#include <catch2/catch.hpp>
#include <limits>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/phases.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "tests/device.h"
#include "tests/losses/sinkhorn_reference.h"

namespace wasserkern::testing {
namespace {

using losses::BatchSinkhorn;

Tensor random_points(std::mt19937_64& source, int64_t n, int64_t d) {
  Tensor points = Tensor::from_host(test_device(), {n, d}, random_normals(source, n * d));
  points.require_gradient();
  return points;
}

/// The value of so many plain iterations, in double, by the schedule of its rule.
double iterated(const BatchSinkhorn& rule, const WeightedPoints& x, const WeightedPoints& y, bool within) {
  const std::vector<double> costs = cost_matrix(rule.cost, x, y);
  const size_t m = x.share.size(), n = y.share.size();
  const auto to_targets = [&](double epsilon, const std::vector<double>& f) {
    return soft_transform(epsilon, x.share, f, n, [&](size_t i, size_t j) { return costs[i * n + j]; });
  };
  const auto to_sources = [&](double epsilon, const std::vector<double>& g) {
    return soft_transform(epsilon, y.share, g, m, [&](size_t j, size_t i) { return costs[i * n + j]; });
  };
  std::vector<double> f(m, 0);
  for (int64_t k = 0; k < rule.iterations; ++k) {
    const double falling = rule.first_epsilon * std::pow(rule.scaling, k);
    const double epsilon = k + 1 == rule.iterations ? rule.epsilon : std::max<double>(rule.epsilon, falling);
    const std::vector<double> g = to_targets(epsilon, f);
    if (within)
      for (size_t i = 0; i < m; ++i) f[i] = (f[i] + g[i]) / 2;
    else
      f = to_sources(epsilon, g);
  }
  const std::vector<double> g = to_targets(rule.epsilon, f);
  double value = 0;
  for (size_t i = 0; i < m; ++i) value += x.share[i] * f[i];
  for (size_t j = 0; j < n; ++j) value += y.share[j] * g[j];
  return value;
}

double iterated(const BatchSinkhorn& rule, const WeightedPoints& x, const WeightedPoints& y) {
  const double between = iterated(rule, x, y, false);
  return rule.debiased ? between - (iterated(rule, x, x, true) + iterated(rule, y, y, true)) / 2 : between;
}

std::vector<std::vector<float>> gradients_of(const Tensor& value, const Tensor& x, const Tensor& y) {
  const std::vector<Tensor> gradients = grad({value}, {x, y});
  return {gradients[0].to_host(), gradients[1].to_host()};
}

}  // namespace

TEST_CASE("batch Sinkhorn is a fixed number of iterations, and unrolled so are its derivatives", "[batch_sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const BatchSinkhorn& rule :
       {BatchSinkhorn{.cost = LqCost{2, 1}, .epsilon = 0.5f, .iterations = 1, .debiased = false},
        BatchSinkhorn{.cost = LqCost{2, 2}, .epsilon = 0.3f, .iterations = 4, .first_epsilon = 2},
        BatchSinkhorn{
            .cost = LqCost{1.5f, 2}, .epsilon = 0.5f, .iterations = 6, .first_epsilon = 3, .scaling = 0.7f}}) {
    INFO(cost_name(rule.cost) << ", " << rule.iterations << " iterations");
    const Tensor x = random_points(source, 6, 2), y = random_points(source, 5, 2);
    WeightedPoints from = points_of({x, {}}), to = points_of({y, {}});
    const auto expected = [&] { return iterated(rule, from, to); };
    CHECK(rule(x, y).item() == Approx(expected()).margin(3e-6));
    const Tensor unrolled = rule.unrolled(x, y);
    CHECK(unrolled.item() == Approx(expected()).margin(3e-6));
    const auto gradients = gradients_of(2.0f * unrolled, x, y);
    for (size_t side : {0u, 1u}) {
      const std::vector<double> slopes = differences(side == 0 ? from.points : to.points, expected);
      for (size_t k = 0; k < slopes.size(); ++k) CHECK(gradients[side][k] == Approx(2 * slopes[k]).margin(1e-4));
    }
  }
}

TEST_CASE("once it has settled, batch Sinkhorn has the gradient of entropic transport", "[batch_sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const bool debiased : {false, true}) {
    const BatchSinkhorn rule{.epsilon = 0.5f, .iterations = 60, .first_epsilon = 2, .debiased = debiased};
    const Tensor x = random_points(source, 7, 2), y = random_points(source, 6, 2);
    WeightedPoints from = points_of({x, {}}), to = points_of({y, {}});
    const auto expected = [&] {
      const auto value = [&](const WeightedPoints& a, const WeightedPoints& b) {
        return entropic_reference(rule.cost, rule.epsilon, a, b).value;
      };
      return debiased ? value(from, to) - (value(from, from) + value(to, to)) / 2 : value(from, to);
    };
    const Tensor value = rule(x, y);
    CHECK(value.item() == Approx(expected()).margin(1e-5));
    const auto by_envelope = gradients_of(value, x, y), by_iterations = gradients_of(rule.unrolled(x, y), x, y);
    for (size_t side : {0u, 1u}) {
      const std::vector<double> slopes = differences(side == 0 ? from.points : to.points, expected);
      for (size_t k = 0; k < slopes.size(); ++k) {
        CHECK(by_envelope[side][k] == Approx(slopes[k]).margin(1e-4));
        CHECK(by_iterations[side][k] == Approx(slopes[k]).margin(1e-4));
      }
    }
  }
}

TEST_CASE("batches side by side are as one at a time", "[batch_sinkhorn]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  constexpr int64_t kProblems = 3, kSources = 9, kTargets = 7, kColumns = 4;
  const BatchSinkhorn rule{.epsilon = 0.3f, .iterations = 12, .first_epsilon = 2};
  const Tensor x = random_points(source, kProblems * kSources, kColumns);
  const Tensor y = random_points(source, kProblems * kTargets, kColumns);
  const Tensor together = rule(x, y, kProblems);
  const Tensor weight = Tensor::from_host(test_device(), {kProblems}, std::vector<float>{1, -2, 3});
  const auto gradients = gradients_of(together * weight, x, y);
  const std::vector<float> values = together.to_host();
  for (int64_t problem = 0; problem < kProblems; ++problem) {
    Tensor own_x = x.viewed_rows(problem * kSources, (problem + 1) * kSources);
    Tensor own_y = y.viewed_rows(problem * kTargets, (problem + 1) * kTargets);
    own_x.require_gradient();
    own_y.require_gradient();
    const Tensor value = rule(own_x, own_y);
    const auto at = static_cast<size_t>(problem);
    CHECK(values[at] == Approx(value.item()).margin(1e-6));  // parts of sums may be others among several problems
    const auto alone = gradients_of(weight.to_host()[at] * value, own_x, own_y);
    for (size_t side : {0u, 1u})
      for (size_t k = 0; k < alone[side].size(); ++k)
        CHECK(gradients[side][at * alone[side].size() + k] == Approx(alone[side][k]).margin(1e-5));
  }
}

TEST_CASE("replayed, batch Sinkhorn has the same bits", "[batch_sinkhorn]") {
  INFO("seed " << test_seed());
  const BatchSinkhorn rule{.epsilon = 0.2f, .iterations = 8, .first_epsilon = 2};
  std::vector<std::vector<float>> results;
  for (const bool eager : {true, false}) {
    std::mt19937_64 source(test_seed());
    const Tensor x = random_points(source, 12, 3);
    const Tensor y = random_points(source, 10, 3);
    Random random(test_device(), 1);
    Phases phases(test_device(), random, eager);
    std::vector<float> result;
    Tensor value;
    for (int step = 0; step < 4; ++step) {
      phases.run("step", [&] {
        value = rule(x, y, 2);
        const Tensor slope = grad(mean(value) + rule.unrolled(x, y), y);
        y.overwrite(y + -0.3f * slope);
      });
      for (const Tensor& tensor : {value, y}) {
        const std::vector<float> values = tensor.to_host();
        result.insert(result.end(), values.begin(), values.end());
      }
    }
    results.push_back(result);
    CHECK(result[result.size() - 32] < result[0]);  // it descends
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("batch Sinkhorn refuses what is none", "[batch_sinkhorn]") {
  std::mt19937_64 source(1);
  const Tensor x = random_points(source, 6, 2), none = random_points(source, 0, 2);
  CHECK_THROWS_AS(BatchSinkhorn{}(x, none), ShapeError);
  CHECK_THROWS_AS(BatchSinkhorn{}(x, random_points(source, 6, 3)), ShapeError);
  CHECK_THROWS_AS(BatchSinkhorn{}(x, x, 4), ShapeError);
  CHECK_THROWS_AS(BatchSinkhorn{}(x, x, 0), ShapeError);
  CHECK_THROWS_AS(BatchSinkhorn{}.unrolled(x, none), ShapeError);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const BatchSinkhorn& rule : {BatchSinkhorn{.epsilon = 0}, BatchSinkhorn{.iterations = 0},
                                    BatchSinkhorn{.first_epsilon = infinity}, BatchSinkhorn{.scaling = 1}})
    CHECK_THROWS_AS(rule(x, x), UsageError);
  const Tensor bad = Tensor::full(test_device(), {6, 2}, std::numeric_limits<float>::quiet_NaN());
  CHECK(std::isnan(BatchSinkhorn{}(x, bad).item()));
  CHECK_THROWS_WITH(
      [&] {
        const Tensor gradient = grad(BatchSinkhorn{}(x, x), x, Differentiable::Yes);
        grad(sum(square(gradient)), x);
      }(),
      Catch::Contains("missing"));
}

}  // namespace wasserkern::testing
