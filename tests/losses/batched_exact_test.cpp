#include "losses/transport/batched_exact.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/phases.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/transport/exact.h"
#include "tests/central_differences.h"
#include "tests/device.h"
#include "tests/kernels/cost_reference.h"

namespace wasserkern::testing {
namespace {

using losses::assignment_cost;
using losses::batched_exact_transport;
using losses::BatchedExact;

Tensor on_device(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from_host(test_device(), shape, values);
}

Tensor normal_points(std::mt19937_64& source, const Shape& shape) {
  return on_device(shape, random_normals(source, shape.size()));
}

/// The least mean cost of two batches of points [problems, n, d] in each problem, over all permutations.
std::vector<double> least_means(const Cost& cost, const std::vector<double>& x, const std::vector<double>& y,
                                int64_t problems, int64_t n, int64_t d) {
  std::vector<double> least(static_cast<size_t>(problems), std::numeric_limits<double>::infinity());
  for (int64_t problem = 0; problem < problems; ++problem) {
    std::vector<int64_t> targets(static_cast<size_t>(n));
    std::iota(targets.begin(), targets.end(), 0);
    do {
      double mean = 0;
      for (int64_t i = 0; i < n; ++i)
        mean += reference_cost(cost, x.data() + (problem * n + i) * d,
                               y.data() + (problem * n + targets[static_cast<size_t>(i)]) * d, d) /
                static_cast<double>(n);
      least[static_cast<size_t>(problem)] = std::min(least[static_cast<size_t>(problem)], mean);
    } while (std::next_permutation(targets.begin(), targets.end()));
  }
  return least;
}

}  // namespace

TEST_CASE("batched exact transport is that of each problem", "[batched_exact]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Shape& shape : {Shape{3, 9, 4}, {1, 20, 3, 2, 2}, {5, 1, 2}, {2, 7}})
    for (const Cost& cost : {Cost(LqCost{2, 1}), Cost(LqCost{2, 2}), Cost(LqCost{1, 1})}) {
      INFO(shape.text() << " " << cost_name(cost));
      const Tensor x = normal_points(source, shape), y = normal_points(source, shape);
      const BatchedExact answer = batched_exact_transport(cost, x, y);
      const std::vector<double> values = answer.certified_values();
      const std::vector<float> costs = assignment_cost(cost, x, y, answer.assignment).to_host();
      REQUIRE(std::ssize(values) == shape[0]);
      REQUIRE(std::ssize(costs) == shape[0]);
      const int64_t n = shape[1], d = shape.size() / (shape[0] * n);
      for (int64_t problem = 0; problem < shape[0]; ++problem) {
        const auto points = [&](const Tensor& of) {
          return losses::Measure{of.viewed_as({shape[0] * n, d}).viewed_rows(problem * n, (problem + 1) * n), {}};
        };
        const losses::ExactTransport alone = losses::exact_transport(cost, points(x), points(y));
        CHECK(values[static_cast<size_t>(problem)] == Approx(alone.primal).epsilon(1e-6));  // as costs are in float
        CHECK(costs[static_cast<size_t>(problem)] == Approx(alone.primal).epsilon(1e-5));
      }
    }
}

TEST_CASE("batched exact transport takes costs that are given", "[batched_exact]") {
  const BatchedExact answer = batched_exact_transport(on_device({2, 2, 2}, {1, 2, 3, 5, 4, -1, 0, 7}));
  CHECK(answer.assignment.to_host() == std::vector<int32_t>{1, 0, 3, 2});
  CHECK(answer.certified_values() == std::vector<double>{2.5, -0.5});
  const std::vector<double> u = answer.source_potential.to_host(), v = answer.target_potential.to_host();
  for (const size_t first : {0, 2}) CHECK(u[first] + u[first + 1] + v[first] + v[first + 1] == Approx(first ? -1 : 5));
}

TEST_CASE("batched exact transport has the same bits however many problems there are", "[batched_exact]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const int32_t n = on_cuda() ? 10 : 500;  // of these the CPU takes 4 at a time
  const Tensor x = normal_points(source, {6, n, 2}), y = normal_points(source, {6, n, 2});
  const BatchedExact together = batched_exact_transport(LqCost{2, 1}, x, y);
  const std::vector<int32_t> assignment = together.assignment.to_host();
  for (int32_t problem = 0; problem < 6; ++problem) {
    const BatchedExact alone =
        batched_exact_transport(LqCost{2, 1}, x.viewed_rows(problem, problem + 1), y.viewed_rows(problem, problem + 1));
    CHECK(alone.certified_values()[0] == together.certified_values()[static_cast<size_t>(problem)]);
    std::vector<int32_t> own = alone.assignment.to_host();
    for (int32_t& target : own) target += problem * n;
    CHECK(std::equal(own.begin(), own.end(), assignment.begin() + problem * n));
  }
}

TEST_CASE("the gradient of an assignment's cost is that of the optimal value", "[batched_exact]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  constexpr int64_t kProblems = 3, kPoints = 5, kCoordinates = 3, kSize = kProblems * kPoints * kCoordinates;
  for (const Cost& cost : {Cost(LqCost{2, 1}), Cost(LqCost{2, 2}), Cost(LqCost{1.5f, 1.5f})}) {
    INFO(cost_name(cost));
    const std::vector<float> x = random_normals(source, kSize), y = random_normals(source, kSize);
    const std::vector<float> weights{1, -2, 0.5f};
    std::vector<std::vector<double>> points{{x.begin(), x.end()}, {y.begin(), y.end()}};
    const auto expected = central_differences(points, [&] {
      const auto means = least_means(cost, points[0], points[1], kProblems, kPoints, kCoordinates);
      return weights[0] * means[0] + weights[1] * means[1] + weights[2] * means[2];
    });
    Tensor a = on_device({kProblems, kPoints, kCoordinates}, x), b = on_device({kProblems, kPoints, kCoordinates}, y);
    a.require_gradient();
    b.require_gradient();
    const BatchedExact answer = batched_exact_transport(cost, a, b);
    const Tensor value = assignment_cost(cost, a, b, answer.assignment) * on_device({kProblems}, weights);
    const std::vector<Tensor> gradients = grad({value}, {a, b});
    for (size_t side = 0; side < 2; ++side) {
      CHECK(gradients[side].shape() == a.shape());
      const std::vector<float> got = gradients[side].to_host();
      for (size_t k = 0; k < got.size(); ++k) CHECK(got[k] == Approx(expected[side][k]).epsilon(1e-4).margin(1e-5));
    }
  }
}

TEST_CASE("batched exact transport runs in a phase", "[batched_exact]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  Random random(test_device(), 1);
  Phases phases(test_device(), random, false);
  const Cost cost = LqCost{2, 1};
  const Tensor x = phases.slot({2, 8, 3}), y = normal_points(source, {2, 8, 3});
  BatchedExact answer;
  Tensor value;
  for (int step = 0; step < 4; ++step) {
    x.copy_from_host(random_normals(source, x.size()));
    phases.run("transport", [&] {
      answer = batched_exact_transport(cost, x, y);
      value = assignment_cost(cost, x, y, answer.assignment);
    });
    const std::vector<double> eager = batched_exact_transport(cost, x, y).certified_values();
    CHECK(answer.certified_values() == eager);
    for (size_t problem = 0; problem < 2; ++problem)
      CHECK(value.to_host()[problem] == Approx(eager[problem]).epsilon(1e-5));
  }
}

TEST_CASE("costs that are not finite are an error, and show in what they train", "[batched_exact]") {
  std::vector<float> points(3 * 4 * 2, 1);
  points[9] = std::numeric_limits<float>::quiet_NaN();  // in problem 1
  const Tensor x = Tensor::full(test_device(), {3, 4, 2}, 2), y = on_device({3, 4, 2}, points);
  const BatchedExact answer = batched_exact_transport(LqCost{2, 1}, x, y);
  CHECK_THROWS_AS(answer.certified_values(), DataError);
  CHECK_THROWS_WITH(answer.certified_values(), Catch::Contains("problem 1") && Catch::Contains("finite"));
  const std::vector<float> costs = assignment_cost(LqCost{2, 1}, x, y, answer.assignment).to_host();
  CHECK(costs[0] == Approx(std::sqrt(2.0f)));
  CHECK(std::isnan(costs[1]));
  CHECK(costs[2] == Approx(std::sqrt(2.0f)));
}

TEST_CASE("what could not be certified is not a value", "[batched_exact]") {
  BatchedExact answer = batched_exact_transport(on_device({1, 2, 2}, {1, 2, 3, 4}));
  CHECK(answer.certified_values()[0] == 2.5);
  const std::vector<AssignmentValue> doubtful{{5, 5 - 6e-9, 5}};
  answer.sums = Array<AssignmentValue>(test_device(), std::span<const AssignmentValue>(doubtful));
  CHECK_THROWS_WITH(answer.certified_values(), Catch::Contains("problem 0") && Catch::Contains("certified"));
}

TEST_CASE("batched exact transport refuses what does not fit", "[batched_exact]") {
  const Cost cost = LqCost{2, 1};
  const auto tensor = [](const Shape& shape) { return Tensor::full(test_device(), shape, 1); };
  CHECK(batched_exact_transport(cost, tensor({0, 4, 2}), tensor({0, 4, 2})).certified_values().empty());
  CHECK(assignment_cost(cost, tensor({0, 4, 2}), tensor({0, 4, 2}), Array<int32_t>(test_device(), 0)).size() == 0);
  CHECK_THROWS_AS(batched_exact_transport(cost, tensor({2, 4, 2}), tensor({2, 5, 2})), ShapeError);
  CHECK_THROWS_AS(batched_exact_transport(cost, tensor({2, 0, 2}), tensor({2, 0, 2})), ShapeError);
  CHECK_THROWS_AS(batched_exact_transport(cost, tensor({4}), tensor({4})), ShapeError);
  CHECK_THROWS_AS(batched_exact_transport(tensor({2, 3, 4})), ShapeError);
  CHECK_THROWS_AS(batched_exact_transport(tensor({2, 3, 3, 1})), ShapeError);
  CHECK_THROWS_AS(batched_exact_transport(cost, tensor({1, 1025, 1}), tensor({1, 1025, 1})), ShapeError);
  CHECK_THROWS_AS(assignment_cost(cost, tensor({2, 4, 2}), tensor({2, 4, 2}), Array<int32_t>(test_device(), 7)),
                  ShapeError);
}

}  // namespace wasserkern::testing
