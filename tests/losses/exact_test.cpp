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
#include "kernels/error.h"
#include "tests/central_differences.h"
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
  const int problems = testing::on_cuda() ? 20 : 1000;
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

}  // namespace wasserkern::losses
