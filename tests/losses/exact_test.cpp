#include "losses/transport/exact.h"

#include <lemon/full_graph.h>
#include <lemon/network_simplex.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/ops/transport.h"
#include "engine/phases.h"
#include "engine/random.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "tests/device.h"

namespace wasserkern::losses {
namespace {

using testing::test_device;

/// Integers, so that the oracle is exact; as floats they are exact too.
struct Problem {
  int64_t m, n;
  std::vector<float> costs;
  std::vector<double> source, target;

  double cost(int32_t i, int32_t j) const { return costs[static_cast<size_t>(i * n + j)]; }
};

/// The least cost by LEMON's network simplex in 64-bit integers.
double oracle(const Problem& problem) {
  using Graph = lemon::FullBpGraph;
  const auto m = static_cast<int>(problem.m), n = static_cast<int>(problem.n);
  const Graph graph(m, n);
  // Arcs go from red to blue nodes or back; those back get no capacity.
  Graph::ArcMap<int64_t> costs(graph), capacities(graph);
  Graph::NodeMap<int64_t> supplies(graph);
  for (Graph::ArcIt arc(graph); arc != lemon::INVALID; ++arc) {
    const bool forth = graph.red(graph.source(arc));
    capacities[arc] = forth ? std::numeric_limits<int32_t>::max() : 0;
    costs[arc] = forth ? static_cast<int64_t>(problem.cost(graph.index(graph.asRedNodeUnsafe(graph.source(arc))),
                                                           graph.index(graph.asBlueNodeUnsafe(graph.target(arc)))))
                       : 0;
  }
  for (int i = 0; i < m; ++i) supplies[graph.redNode(i)] = static_cast<int64_t>(problem.source[static_cast<size_t>(i)]);
  for (int j = 0; j < n; ++j)
    supplies[graph.blueNode(j)] = -static_cast<int64_t>(problem.target[static_cast<size_t>(j)]);
  lemon::NetworkSimplex<Graph, int64_t, int64_t> simplex(graph);
  simplex.upperMap(capacities).costMap(costs).supplyMap(supplies);
  REQUIRE(simplex.run() == lemon::NetworkSimplex<Graph, int64_t, int64_t>::OPTIMAL);
  return static_cast<double>(simplex.totalCost<int64_t>());
}

void check_certificate(const Problem& problem, const ExactTransport& result) {
  REQUIRE(result.certified);
  double largest = 0;
  for (const float cost : problem.costs) largest = std::max(largest, std::abs(double{cost}));
  bool admissible = true;
  for (int32_t i = 0; i < problem.m; ++i)
    for (int32_t j = 0; j < problem.n; ++j) {
      const double u = result.source_potential[static_cast<size_t>(i)],
                   v = result.target_potential[static_cast<size_t>(j)];
      if (!(u + v <= problem.cost(i, j) + 1e-15 * (std::abs(u) + std::abs(v)))) admissible = false;
    }
  CHECK(admissible);

  std::vector<double> source(problem.source.size()), target(problem.target.size());
  double primal = 0;
  for (const Flow& flow : result.coupling) {
    CHECK(flow.mass > 0);
    source[static_cast<size_t>(flow.source)] += flow.mass;
    target[static_cast<size_t>(flow.target)] += flow.mass;
    primal += flow.mass * problem.cost(flow.source, flow.target);
  }
  CHECK(primal == Approx(result.primal).epsilon(1e-12));
  for (size_t i = 0; i < source.size(); ++i) CHECK(source[i] == Approx(problem.source[i]).margin(1e-12));
  for (size_t j = 0; j < target.size(); ++j) CHECK(target[j] == Approx(problem.target[j]).margin(1e-12));
}

std::vector<float> normals(std::mt19937_64& random, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = std::normal_distribution<float>()(random);
  return values;
}

ExactTransport solved(const Problem& problem) {
  return exact_transport(Tensor::from_host(test_device(), {problem.m, problem.n}, problem.costs), problem.source,
                         problem.target);
}

/// Costs of many kinds that are hard in their own ways.
std::vector<float> random_costs(std::mt19937_64& random, int64_t m, int64_t n) {
  std::vector<float> costs(static_cast<size_t>(m * n));
  const auto fill = [&](auto draw) {
    std::generate(costs.begin(), costs.end(), [&] { return static_cast<float>(draw()); });
  };
  const auto below = [&](int64_t end) { return std::uniform_int_distribution<int64_t>(0, end - 1)(random); };
  switch (below(6)) {
    case 0: fill([&] { return below(1 << 24); }); break;
    case 1: fill([&] { return below(4); }); break;  // ties
    case 2: {                                       // duplicates on a line
      std::vector<int64_t> x(static_cast<size_t>(m)), y(static_cast<size_t>(n));
      for (auto& at : x) at = below(20);
      for (auto& at : y) at = below(20);
      for (size_t i = 0; i < x.size(); ++i)
        for (size_t j = 0; j < y.size(); ++j)
          costs[i * y.size() + j] = static_cast<float>((x[i] - y[j]) * (x[i] - y[j]));
      break;
    }
    case 3: fill([&] { return std::floor(std::pow(10.0, std::uniform_real_distribution<>(0, 12)(random))); }); break;
    case 4: fill([value = below(2)] { return value; }); break;  // all alike
    default: fill([&] { return below(1 << 20) - (1 << 19); });  // of either sign
  }
  return costs;
}

/// Integer masses whose sums are equal; some are 0.
void random_masses(std::mt19937_64& random, Problem& problem) {
  const auto m = static_cast<size_t>(problem.m), n = static_cast<size_t>(problem.n);
  problem.source.assign(m, 1);
  problem.target.assign(n, 1);
  switch (std::uniform_int_distribution<>(0, 2)(random)) {
    case 0:  // equal ones
      problem.source.assign(m, static_cast<double>(n));
      problem.target.assign(n, static_cast<double>(m));
      break;
    case 1:  // many points, few with mass
      problem.source.assign(m, 0);
      problem.target.assign(n, 0);
      for (int unit = 0; unit < 60; ++unit) {
        problem.source[random() % m] += static_cast<double>(1 + unit % 7);
        problem.target[random() % n] += static_cast<double>(1 + unit % 7);
      }
      break;
    default: {
      for (double& mass : problem.source) mass = static_cast<double>(random() % 100);
      for (double& mass : problem.target) mass = static_cast<double>(random() % 100);
      problem.source[0] += 1;
      const double missing = std::reduce(problem.source.begin(), problem.source.end()) -
                             std::reduce(problem.target.begin(), problem.target.end());
      (missing > 0 ? problem.target : problem.source)[0] += std::abs(missing);
    }
  }
}

}  // namespace

TEST_CASE("exact transport costs what LEMON's network simplex finds, and can prove it", "[exact_transport]") {
  const auto seed = static_cast<uint64_t>(std::random_device()());
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
#ifdef __SANITIZE_ADDRESS__
  const int problems = 100;  // as many as a run under sanitizers can wait for
#else
  const int problems = testing::on_cuda() ? 8 : 1000;
#endif
  for (int number = 0; number < problems; ++number) {
    // Small ones mostly; those of up to 300 points take the oracle long.
    const double largest = number % 10 == 0 && !testing::on_cuda() ? 300 : 40;
    const auto size = [&] {
      return static_cast<int64_t>(std::exp(std::uniform_real_distribution<>(0, std::log(largest))(random)) + 0.5);
    };
    Problem problem{.m = size(), .n = size(), .costs = {}, .source = {}, .target = {}};
    if (number % 3 == 0) problem.n = problem.m;
    problem.costs = random_costs(random, problem.m, problem.n);
    random_masses(random, problem);
    INFO("problem " << number << ", " << problem.m << " x " << problem.n);
    const ExactTransport result = solved(problem);
    check_certificate(problem, result);
    const double expected = oracle(problem);
    CHECK(std::abs(result.primal - expected) <= 1e-9 * std::abs(expected));
  }
}

TEST_CASE("Points and their matrix give the same answer, whatever is kept", "[exact_transport]") {
  std::mt19937_64 random(3);
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{40, 133}, {1030, 1030}, {150, 30}}) {
    if (testing::on_cuda() && m > 40) continue;
    const Tensor x = Tensor::from_host(test_device(), {m, 3}, normals(random, m * 3));
    const Tensor y = Tensor::from_host(test_device(), {n, 3}, normals(random, n * 3));
    const LqCost cost{2, 1};
    const ExactTransport kept = exact_transport(cost, {x, {}}, {y, {}}, CostStorage::Matrix);
    const ExactTransport taken_again = exact_transport(cost, {x, {}}, {y, {}}, CostStorage::Rows);
    CHECK(kept.certified);
    CHECK(taken_again.certified);
    CHECK(kept.primal == taken_again.primal);
    CHECK(kept.source_potential == taken_again.source_potential);
    CHECK(kept.target_potential == taken_again.target_potential);
    CHECK(exact_transport(pairwise_cost(cost, x, y)).primal == kept.primal);
  }
}

TEST_CASE("Exact transport does not depend on the number of threads", "[exact_transport]") {
  if (testing::on_cuda()) return;
  std::mt19937_64 random(4);
  const std::vector<float> x = normals(random, 1100 * 2), y = normals(random, 1100 * 2);
  const auto solve_on = [&](int threads) {
    Device device({.name = "cpu", .threads = threads});
    return exact_transport(LqCost{2, 2}, {Tensor::from_host(device, {1100, 2}, x), {}},
                           {Tensor::from_host(device, {1100, 2}, y), {}});
  };
  const ExactTransport one = solve_on(1), three = solve_on(3);
  CHECK(one.certified);
  CHECK(one.source_potential == three.source_potential);
  CHECK(one.target_potential == three.target_potential);
}

TEST_CASE("A single point on either side takes or gives all", "[exact_transport]") {
  const Tensor one = Tensor::from_host(test_device(), {1, 2}, std::vector<float>{0, 0});
  const Tensor two = Tensor::from_host(test_device(), {2, 2}, std::vector<float>{3, 4, 0, 1});
  const LqCost cost{2, 1};
  for (const ExactTransport& result :
       {exact_transport(cost, {one, {}}, {two, {}}), exact_transport(cost, {two, {}}, {one, {}})}) {
    CHECK(result.certified);
    CHECK(result.primal == Approx(3));
    CHECK(result.coupling.size() == 2);
  }
  const ExactTransport same = exact_transport(cost, {one, {}}, {one, {}});
  CHECK(same.certified);
  CHECK(same.primal == 0);
}

TEST_CASE("Points without mass have admissible potentials and take no part", "[exact_transport]") {
  const Tensor x = Tensor::from_host(test_device(), {3, 1}, std::vector<float>{0, 5, 100});
  const Tensor y = Tensor::from_host(test_device(), {3, 1}, std::vector<float>{1, -100, 7});
  const ExactTransport result = exact_transport(LqCost{1, 1}, {x, {1, 3, 0}}, {y, {2, 0, 2}});
  CHECK(result.certified);
  CHECK(result.primal == Approx(1 * 1 + 1 * 4 + 2 * 2));
  for (const Flow& flow : result.coupling) CHECK((flow.source != 2 && flow.target != 1));
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j)
      CHECK(result.source_potential[i] + result.target_potential[j] <=
            std::abs(std::vector{0, 5, 100}[i] - std::vector{1, -100, 7}[j]) + 1e-12);
}

TEST_CASE("Exact transport says what is wrong with its measures", "[exact_transport]") {
  const auto points = [](const Shape& shape, float value) { return Tensor::full(test_device(), shape, value); };
  const Tensor two = points({2, 1}, 1), none = points({0, 1}, 1);
  const LqCost cost{2, 2};
  const auto solve = [&](const Measure& x, const Measure& y) { return exact_transport(cost, x, y); };
  CHECK_THROWS_AS(solve({none, {}}, {two, {}}), ShapeError);
  CHECK_THROWS_AS(solve({two, {}}, {none, {}}), ShapeError);
  CHECK_THROWS_AS(solve({two, {}}, {points({2, 3}, 1), {}}), ShapeError);
  CHECK_THROWS_AS(solve({two, {1}}, {two, {}}), ShapeError);
  CHECK_THROWS_AS(exact_transport(points({2, 1, 2}, 1)), ShapeError);
  CHECK_THROWS_WITH(solve({two, {1, -1}}, {two, {}}), Catch::Contains("mass 1 of the sources is -1"));
  CHECK_THROWS_WITH(solve({two, {}}, {two, {0.5, NAN}}), Catch::Contains("mass 1 of the targets is nan"));
  CHECK_THROWS_WITH(solve({two, {0, 0}}, {two, {}}), Catch::Contains("sum to 0"));
  CHECK_THROWS_WITH(solve({two, {1, 1}}, {two, {}}), Catch::Contains("scale one side"));
  for (const float strange : {NAN, INFINITY, 1e30f}) {
    CHECK_THROWS_WITH(solve({two, {}}, {points({2, 1}, strange), {}}), Catch::Contains("not finite"));
    CHECK_THROWS_WITH(exact_transport(cost, {two, {}}, {points({2, 1}, strange), {}}, CostStorage::Rows),
                      Catch::Contains("not finite"));
  }
  // One cost among many that nobody would look at.
  std::vector<float> costs(40 * 40, 1);
  for (size_t i = 0; i < 40; ++i) costs[i * 40 + i] = 0;
  costs[40 * 7 + 30] = INFINITY;
  CHECK_THROWS_WITH(exact_transport(Tensor::from_host(test_device(), {40, 40}, costs)), Catch::Contains("source 7"));
}

TEST_CASE("Masses that differ by rounding, or are far apart in size, are taken as they are", "[exact_transport]") {
  const Tensor x = Tensor::from_host(test_device(), {3, 1}, std::vector<float>{0, 1, 2});
  const ExactTransport thirds = exact_transport(LqCost{1, 1}, {x, {1 / 3.0, 1 / 3.0, 1 / 3.0}}, {x, {0.1, 0.2, 0.7}});
  CHECK(thirds.certified);
  CHECK(thirds.primal == Approx(0.7 - 1 / 3.0 + 1 / 3.0 - 0.1).epsilon(1e-12));
  const ExactTransport tiny = exact_transport(LqCost{1, 1}, {x, {1e-12, 1, 0}}, {x, {0, 1, 1e-12}});
  CHECK(tiny.certified);
  CHECK(tiny.primal == Approx(2e-12).epsilon(1e-5));
}

TEST_CASE("The derivative of a coupling's cost is that of the optimal value", "[exact_transport]") {
  std::mt19937_64 random(6);
  const int64_t m = 5, n = 7, d = 3;
  std::vector<float> x = normals(random, m * d), y = normals(random, n * d);
  const auto value = [&] {
    const Tensor a = Tensor::from_host(test_device(), {m, d}, x), b = Tensor::from_host(test_device(), {n, d}, y);
    return exact_transport(LqCost{2, 2}, {a, {}}, {b, {}}).primal;
  };
  Tensor a = Tensor::from_host(test_device(), {m, d}, x), b = Tensor::from_host(test_device(), {n, d}, y);
  const ExactTransport best = exact_transport(LqCost{2, 2}, {a, {}}, {b, {}});
  a.require_gradient();
  b.require_gradient();
  const Tensor cost = coupling_cost(LqCost{2, 2}, a, b, best.coupling);
  CHECK(cost.item() == Approx(best.primal).epsilon(1e-5));
  const std::vector<Tensor> gradients = grad({cost}, {a, b});
  constexpr float kStep = 1e-2f;  // the value is quadratic while the coupling stays the best
  for (auto* points : {&x, &y}) {
    const std::vector<float> gradient = gradients[points == &x ? 0 : 1].to_host();
    for (size_t k = 0; k < (testing::on_cuda() ? 2 : points->size()); ++k) {
      const float at = (*points)[k];
      (*points)[k] = at + kStep;
      const double above = value();
      (*points)[k] = at - kStep;
      const double below = value();
      (*points)[k] = at;
      CHECK(gradient[k] == Approx((above - below) / (2 * kStep)).margin(2e-5));
    }
  }
}

TEST_CASE("Exact transport is no part of a recorded phase", "[exact_transport]") {
  Random source(test_device(), 1);
  Phases phases(test_device(), source, false);
  const Tensor points = Tensor::full(test_device(), {3, 2}, 1);
  CHECK_THROWS_WITH(phases.run("step",
                               [&] {
                                 exact_transport(LqCost{2, 1}, {points, {}}, {points, {}});
                               }),
                    Catch::Contains("phase"));
}

}  // namespace wasserkern::losses
