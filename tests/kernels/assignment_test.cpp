#include "kernels/assignment.h"

#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Problems of one size, with gaps of NaN after every row, which must not be read.
struct Problems {
  int64_t count, n;
  std::vector<float> costs = {};  // [count n, n]
  int64_t gap = 0;

  double cost(int64_t row, int64_t j) const { return costs[static_cast<size_t>(row * n + j)]; }
  std::string text() const { return std::to_string(count) + " problems of " + std::to_string(n); }
};

struct Answer {
  std::vector<int32_t> columns;
  std::vector<double> u, v;
  std::vector<AssignmentValue> value;
};

template <class Stream>
Answer solve(Stream& stream, const Problems& problems) {
  const int64_t rows = problems.count * problems.n, stride = problems.n + problems.gap;
  std::vector<float> lying(static_cast<size_t>(rows * stride), kNan);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < problems.n; ++j)
      lying[static_cast<size_t>(row * stride + j)] = problems.costs[static_cast<size_t>(row * problems.n + j)];
  const OnStream costs(stream, lying);
  const OnStream columns(stream, std::vector<int32_t>(static_cast<size_t>(rows), -777));
  const OnStream u(stream, std::vector<double>(static_cast<size_t>(rows), -777));
  const OnStream v(stream, std::vector<double>(static_cast<size_t>(rows), -777));
  const OnStream value(stream, std::vector<AssignmentValue>(static_cast<size_t>(problems.count)));
  assignment(stream, problems.count, {costs.data(), rows, problems.n, stride},
             {columns.vector(), u.vector(), v.vector(), value.vector()});
  return {columns.host(), u.host(), v.host(), value.host()};
}

Answer solve(const Problems& problems) {
  Answer answer;
  with_stream([&](auto& stream) { answer = solve(stream, problems); });
  return answer;
}

/// Each problem has a permutation, what is said of it is what a plain loop sees, and the certificate is true.
void check_certificates(const Problems& problems, const Answer& answer) {
  const int64_t n = problems.n;
  for (int64_t problem = 0; problem < problems.count; ++problem) {
    const int64_t first = problem * n;
    std::vector<char> taken(static_cast<size_t>(n));
    double cost = 0, dual = 0, size = 0, excess = 0;
    for (int64_t row = first; row < first + n; ++row) {
      const int64_t j = answer.columns[static_cast<size_t>(row)] - first;
      REQUIRE((j >= 0 && j < n));
      REQUIRE(!taken[static_cast<size_t>(j)]);
      taken[static_cast<size_t>(j)] = 1;
      cost += problems.cost(row, j);
      size += std::abs(problems.cost(row, j));
      dual += answer.u[static_cast<size_t>(row)] + answer.v[static_cast<size_t>(first + j)];
      for (int64_t k = 0; k < n; ++k)
        excess = std::max(excess, answer.u[static_cast<size_t>(row)] + answer.v[static_cast<size_t>(first + k)] -
                                      problems.cost(row, k));
    }
    const AssignmentValue& value = answer.value[static_cast<size_t>(problem)];
    const double rounding = 1e-12 * size;
    REQUIRE(value.cost == Approx(cost).epsilon(0).margin(rounding));
    REQUIRE(value.size == Approx(size).epsilon(0).margin(rounding));
    REQUIRE(value.lower_bound == Approx(dual - static_cast<double>(n) * excess).epsilon(0).margin(rounding));
    REQUIRE(value.certified());
  }
}

/// A problem's least cost, over all permutations.
double least_of_permutations(const Problems& problems, int64_t problem) {
  std::vector<int64_t> columns(static_cast<size_t>(problems.n));
  std::iota(columns.begin(), columns.end(), 0);
  double least = std::numeric_limits<double>::infinity();
  do {
    double cost = 0;
    for (int64_t i = 0; i < problems.n; ++i)
      cost += problems.cost(problem * problems.n + i, columns[static_cast<size_t>(i)]);
    least = std::min(least, cost);
  } while (std::next_permutation(columns.begin(), columns.end()));
  return least;
}

/// A problem's least cost by LEMON, for costs that are integers.
double least_by_lemon(const Problems& problems, int64_t problem) {
  using Graph = lemon::SmartDigraph;
  const auto n = static_cast<int>(problems.n);
  Graph graph;
  graph.reserveNode(2 * n);
  graph.reserveArc(n * n);
  for (int node = 0; node < 2 * n; ++node) graph.addNode();
  Graph::NodeMap<int64_t> supplies(graph, -1);
  Graph::ArcMap<int64_t> costs(graph);
  for (int i = 0; i < n; ++i) {
    supplies[graph.nodeFromId(i)] = 1;
    for (int j = 0; j < n; ++j)
      costs[graph.addArc(graph.nodeFromId(i), graph.nodeFromId(n + j))] =
          static_cast<int64_t>(problems.cost(problem * n + i, j));
  }
  lemon::NetworkSimplex<Graph, int64_t> simplex(graph);
  REQUIRE(simplex.costMap(costs).supplyMap(supplies).run() == simplex.OPTIMAL);
  return static_cast<double>(simplex.totalCost<int64_t>());
}

template <class Draw>
Problems random_problems(int64_t count, int64_t n, Draw draw) {
  Problems problems{count, n};
  for (int64_t at = 0; at < count * n * n; ++at) problems.costs.push_back(draw());
  return problems;
}

/// Integers as floats have them, that a sum of 1,024 in double holds exactly. Kinds: few values and so many ties, even
/// ones, and 12 orders of magnitude, negative ones among them.
Problems integer_problems(std::mt19937_64& source, int64_t count, int64_t n, int kind) {
  return random_problems(count, n, [&] {
    if (kind == 0) return static_cast<float>(source() % 4);
    if (kind == 1) return static_cast<float>(source() % (1 << 20));
    const double size = std::pow(10.0, std::uniform_real_distribution<double>(0, 12)(source));
    return static_cast<float>(source() % 4 ? std::round(size) : -std::round(size));
  });
}

/// Rows and columns that occur several times each.
Problems with_duplicates(std::mt19937_64& source, int64_t count, int64_t n) {
  Problems problems = integer_problems(source, count, n, 1);
  for (int64_t problem = 0; problem < count; ++problem)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        problems.costs[static_cast<size_t>((problem * n + i) * n + j)] =
            problems.costs[static_cast<size_t>((problem * n + i / 3) * n + j / 4)];
  return problems;
}

void check_against_lemon(const Problems& problems) {
  INFO(problems.text());
  const Answer answer = solve(problems);
  check_certificates(problems, answer);
  for (int64_t problem = 0; problem < problems.count; ++problem)
    REQUIRE(answer.value[static_cast<size_t>(problem)].cost == least_by_lemon(problems, problem));
}

}  // namespace

TEST_CASE("an assignment costs the least of all permutations", "[assignment]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (int64_t n = 1; n <= 6; ++n)
    for (int kind = 0; kind < 3; ++kind) {
      Problems problems = integer_problems(source, 40, n, kind);
      problems.gap = kind;
      INFO(problems.text() << ", kind " << kind);
      const Answer answer = solve(problems);
      check_certificates(problems, answer);
      for (int64_t problem = 0; problem < problems.count; ++problem)
        REQUIRE(answer.value[static_cast<size_t>(problem)].cost == least_of_permutations(problems, problem));
    }
}

TEST_CASE("an assignment costs what LEMON's does, whatever ties, duplicates and range", "[assignment]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  // Sizes around words, warps and the blocks of a GPU.
  for (const int64_t n : {7, 8, 16, 17, 31, 33, 64, 65, 127, 129}) {
    for (int kind = 0; kind < 3; ++kind) check_against_lemon(integer_problems(source, n < 100 ? 3 : 1, n, kind));
    check_against_lemon(with_duplicates(source, 2, n));
  }
}

TEST_CASE("an assignment holds where every step of a search is long", "[assignment]") {
  // i j: each row prefers the columns of all before it.
  for (const int64_t n : {30, on_cuda() ? 40 : 150}) {
    Problems problems{1, n};
    for (int64_t row = 0; row < n; ++row)
      for (int64_t j = 0; j < n; ++j) problems.costs.push_back(static_cast<float>((row + 1) * (j + 1)));
    check_against_lemon(problems);
  }
}

TEST_CASE("an assignment is certified whatever the range of its costs", "[assignment]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  std::uniform_real_distribution<float> unit;
  for (const int64_t n : {5, 40, 70}) {
    const Problems spread = random_problems(10, n, [&] { return std::pow(10.0f, 12 * unit(source) - 6); });
    check_certificates(spread, solve(spread));
    // The optimum is 1e-12 of other costs, and so must what is lost to potentials be: rows that are free to choose
    // would drive them up to those.
    Problems small = random_problems(10, n, [&] { return 1e6f * unit(source); });
    for (int64_t row = 0; row < small.count * n; ++row)
      for (int64_t j = 0; j <= row % n; ++j) small.costs[static_cast<size_t>(row * n + j)] = 1e-6f * (1 + unit(source));
    check_certificates(small, solve(small));
  }
}

TEST_CASE("an assignment of nothing is empty", "[assignment]") {
  const Answer none = solve({0, 5});
  CHECK(none.value.empty());
  for (const AssignmentValue& value : solve({3, 0}).value) {
    CHECK(value.cost == 0);
    CHECK(value.lower_bound == 0);
    CHECK(value.certified());
  }
}

TEST_CASE("where costs are not finite an assignment meets one of them, and its neighbours do not care",
          "[assignment]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const int64_t n : {1, 6, on_cuda() ? 33 : 130})
    for (const float bad : {kNan, kInfinity, -kInfinity}) {
      Problems problems = integer_problems(source, 3, n, 1);
      const Answer before = solve(problems);
      const auto at = static_cast<size_t>(source() % static_cast<uint64_t>(n * n));
      for (size_t other = at; other < static_cast<size_t>(n * n); other += 1 + source() % 50)
        problems.costs[static_cast<size_t>(n * n) + other] = bad;
      const Answer after = solve(problems);
      std::vector<char> taken(static_cast<size_t>(n));
      bool met = false;
      for (int64_t row = n; row < 2 * n; ++row) {
        const int64_t j = after.columns[static_cast<size_t>(row)] - n;
        REQUIRE((j >= 0 && j < n));
        REQUIRE(!taken[static_cast<size_t>(j)]);
        taken[static_cast<size_t>(j)] = 1;
        met = met || !std::isfinite(problems.cost(row, j));
        CHECK(std::isnan(after.u[static_cast<size_t>(row)]));
        CHECK(std::isnan(after.v[static_cast<size_t>(row)]));
      }
      CHECK(met);
      CHECK(std::isnan(after.value[1].cost));
      CHECK(std::isnan(after.value[1].lower_bound));
      CHECK(!after.value[1].certified());
      for (const size_t problem : {0, 2}) {
        CHECK(after.value[problem].cost == before.value[problem].cost);
        CHECK(after.value[problem].certified());
      }
    }
}

TEST_CASE("assignments have the same bits on any number of threads", "[assignment]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  std::uniform_real_distribution<float> cost;
  const Problems problems = random_problems(23, 37, [&] { return cost(source); });
  CpuStream alone(1);
  const Answer one = solve(alone, problems);
  for (const int threads : {2, 3, 30}) {
    CpuStream together(threads);
    const Answer several = solve(together, problems);
    CHECK(several.columns == one.columns);
    CHECK(several.u == one.u);
    CHECK(several.v == one.v);
  }
}

TEST_CASE("an assignment refuses what does not fit", "[assignment]") {
  with_stream([](auto& stream) {
    const OnStream floats(stream, std::vector<float>(64));
    const OnStream indices(stream, std::vector<int32_t>(64));
    const OnStream doubles(stream, std::vector<double>(64));
    const OnStream values(stream, std::vector<AssignmentValue>(4));
    const auto call = [&](int64_t problems, int64_t rows, int64_t n, const Assignments& out) {
      assignment(stream, problems, {floats.data(), rows, n}, out);
    };
    const Assignments six{{indices.data(), 6}, {doubles.data(), 6}, {doubles.data() + 6, 6}, {values.data(), 2}};
    CHECK_NOTHROW(call(2, 6, 3, six));
    CHECK_THROWS_AS(call(2, 5, 3, six), ShapeError);
    CHECK_THROWS_AS(call(1, 6, 3, six), ShapeError);
    CHECK_THROWS_AS(call(-1, 6, 3, six), ShapeError);
    CHECK_THROWS_AS(call(1, kMostAssigned + 1, kMostAssigned + 1, six), ShapeError);
    for (const int bad : {0, 1, 2, 3}) {
      Assignments out = six;
      (bad == 0   ? out.columns.size
       : bad == 1 ? out.row_potential.size
       : bad == 2 ? out.column_potential.size
                  : out.value.size) = 1;
      CHECK_THROWS_AS(call(2, 6, 3, out), ShapeError);
    }
    Assignments far = six;
    far.rows_before = std::numeric_limits<int32_t>::max() - 5;
    CHECK_THROWS_AS(call(2, 6, 3, far), ShapeError);
    far.rows_before = 40;
    call(2, 6, 3, far);
    for (const int32_t column : indices.host()) CHECK((column == 0 || (column >= 40 && column < 46)));
  });
}
