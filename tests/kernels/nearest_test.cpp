#include "kernels/nearest.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <numeric>

#include "kernels/c_transform.h"
#include "tests/kernels/cost_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// x [m,d] and y [n,d] with `gap` unused elements after every row, as many after every row of the answer.
struct Problem {
  int64_t m, n, d, k, gap;
  std::vector<float> x, y;

  int64_t stride() const { return d + gap; }
  double cost_of(const Cost& cost, int64_t i, int64_t j) const {
    return reference_cost(cost, x.data() + i * stride(), y.data() + j * stride(), d);
  }
};

/// Of every row of y.
struct Answer {
  std::vector<std::vector<float>> values;
  std::vector<std::vector<int32_t>> indices;
};

Problem random_problem(std::mt19937_64& source, int64_t m, int64_t n, int64_t d, int64_t k, int64_t gap = 0) {
  Problem problem{m, n, d, k, gap, random_normals(source, m * (d + gap)), random_normals(source, n * (d + gap))};
  for (std::vector<float>* rows : {&problem.x, &problem.y})
    for (size_t at = 0; at < rows->size(); ++at)
      if (static_cast<int64_t>(at) % problem.stride() >= d) (*rows)[at] = kNan;  // must not be read
  return problem;
}

template <class T>
std::vector<std::vector<T>> rows_of(const std::vector<T>& values, int64_t rows, int64_t columns, int64_t stride) {
  std::vector<std::vector<T>> result;
  for (int64_t j = 0; j < rows; ++j) {
    result.emplace_back(values.begin() + j * stride, values.begin() + j * stride + columns);
    for (int64_t at = columns; at < stride; ++at) REQUIRE(values[static_cast<size_t>(j * stride + at)] == -777);
  }
  return result;
}

template <class Stream>
Answer solve(Stream& stream, const Cost& cost, const Problem& problem) {
  const int64_t stride = problem.k + problem.gap;
  const OnStream x(stream, problem.x), y(stream, problem.y);
  const OnStream values(stream, std::vector<float>(static_cast<size_t>(problem.n * stride), -777));
  const OnStream indices(stream, std::vector<int32_t>(static_cast<size_t>(problem.n * stride), -777));
  nearest(stream, cost, {x.data(), problem.m, problem.d, problem.stride()},
          {y.data(), problem.n, problem.d, problem.stride()}, {values.data(), problem.n, problem.k, stride},
          {indices.data(), problem.n, problem.k, stride});
  return {rows_of(values.host(), problem.n, problem.k, stride), rows_of(indices.host(), problem.n, problem.k, stride)};
}

Answer solve(const Cost& cost, const Problem& problem) {
  Answer answer;
  with_stream([&](auto& stream) { answer = solve(stream, cost, problem); });
  return answer;
}

/// The sums of float terms are off by some 1e-6 of their size; the power p/q multiplies that by less than 3.
constexpr double kTolerance = 1e-5;

/// The r-th value is the r-th least cost, and that of the row named beside it, up to rounding; rows differ.
void check_against_reference(const Cost& cost, const Problem& problem) {
  INFO(cost_name(cost) << " m=" << problem.m << " n=" << problem.n << " d=" << problem.d << " k=" << problem.k
                       << " gap=" << problem.gap);
  const Answer answer = solve(cost, problem);
  for (int64_t j = 0; j < problem.n; ++j) {
    std::vector<double> costs;
    for (int64_t i = 0; i < problem.m; ++i) costs.push_back(problem.cost_of(cost, i, j));
    std::vector<double> sorted = costs;
    std::sort(sorted.begin(), sorted.end());
    const auto& values = answer.values[j];
    auto indices = answer.indices[j];
    for (size_t r = 0; r < values.size(); ++r) {
      REQUIRE(indices[r] >= 0);
      REQUIRE(indices[r] < problem.m);
      const double error = kTolerance * sorted[r];
      REQUIRE(std::abs(values[r] - sorted[r]) <= error);
      REQUIRE(std::abs(values[r] - costs[indices[r]]) <= error);
    }
    REQUIRE(std::is_sorted(values.begin(), values.end()));
    std::sort(indices.begin(), indices.end());
    REQUIRE(std::adjacent_find(indices.begin(), indices.end()) == indices.end());
  }
}

}  // namespace

TEST_CASE("nearest finds the least costs in order, for every cost and shape", "[nearest]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Shape {
    int64_t m, n, d, k, gap;
  };
  for (const Shape shape : {Shape{1, 1, 1, 1, 0},
                            {3, 0, 5, 2, 0},
                            {7, 2, 13, 7, 3},
                            {8, 32, 16, 1, 0},
                            {9, 33, 17, 2, 1},
                            {65, 31, 257, 5, 0},
                            {64, 64, 784, 64, 0},
                            {131, 67, 5, 63, 2},
                            {257, 3, 31, 10, 0},
                            {131, 3137, 3, 3, 0}})  // so many pairs that a GPU gets its large tiles
    for (const Cost& cost : sample_costs())
      check_against_reference(cost, random_problem(source, shape.m, shape.n, shape.d, shape.k, shape.gap));
}

TEST_CASE("nearest gives ties to the lowest index", "[nearest]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  std::uniform_int_distribution<int> digit(0, 2);  // every sum is exact, and many rows tie
  Problem problem = random_problem(source, on_cuda() ? 2003 : 10007, 37, 3, 50);
  for (auto* values : {&problem.x, &problem.y})
    for (float& value : *values) value = static_cast<float>(digit(source));
  for (const LqCost cost : {LqCost{1, 1}, LqCost{2, 2}, LqCost{1, 2}}) {
    INFO(cost.name());
    const Answer answer = solve(cost, problem);
    for (int64_t j = 0; j < problem.n; ++j) {
      std::vector<int32_t> expected(static_cast<size_t>(problem.m));
      std::iota(expected.begin(), expected.end(), 0);
      std::stable_sort(expected.begin(), expected.end(),
                       [&](int32_t a, int32_t b) { return problem.cost_of(cost, a, j) < problem.cost_of(cost, b, j); });
      expected.resize(static_cast<size_t>(problem.k));
      REQUIRE(answer.indices[j] == expected);
    }
  }
}

TEST_CASE("in nearest NaN comes first, and infinities last in order of rows", "[nearest]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Answer mixed = solve(cost, {6, 1, 1, 5, 0, {kInfinity, 1, kNan, -kInfinity, 1, kNan}, {1}});
    CHECK(mixed.indices[0] == std::vector<int32_t>{2, 5, 1, 4, 0});
    CHECK((std::isnan(mixed.values[0][0]) && std::isnan(mixed.values[0][1])));
    CHECK(std::vector<float>(mixed.values[0].begin() + 2, mixed.values[0].end()) ==
          std::vector<float>{0, 0, kInfinity});
    const Answer infinite = solve(cost, {4, 1, 1, 3, 0, {kInfinity, 1, kInfinity, -kInfinity}, {1}});
    CHECK(infinite.indices[0] == std::vector<int32_t>{1, 0, 2});
    CHECK(infinite.values[0] == std::vector<float>{0, kInfinity, kInfinity});
    const Answer from_y = solve(cost, {4, 2, 1, 2, 0, {3, 2, 1, 0}, {kNan, 1}});
    CHECK(from_y.indices == std::vector<std::vector<int32_t>>{{0, 1}, {2, 1}});
    CHECK((std::isnan(from_y.values[0][0]) && std::isnan(from_y.values[0][1])));
  }
  // Far from each other, so that any division of the rows separates them.
  Problem far_apart{on_cuda() ? 600 : 5000, 20, 1, 4, 0, {}, std::vector<float>(20, 0)};
  far_apart.x.assign(static_cast<size_t>(far_apart.m), kInfinity);
  far_apart.x.back() = kNan;
  far_apart.x[far_apart.x.size() / 2] = 5;
  const Answer answer = solve(LqCost{1, 1}, far_apart);
  for (const auto& indices : answer.indices)
    REQUIRE(indices == std::vector<int32_t>{int32_t(far_apart.m - 1), int32_t(far_apart.m / 2), 0, 1});
}

TEST_CASE("the one nearest row is where the c-transform of the potential 0 takes its minimum", "[nearest]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Problem problem = random_problem(source, 150, 70, 40, 1);
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Answer answer = solve(cost, problem);
    with_stream([&](auto& stream) {
      const OnStream x(stream, problem.x), y(stream, problem.y), phi(stream, std::vector<float>(150, 0));
      const OnStream<float, std::decay_t<decltype(stream)>> out(stream, 70);
      const OnStream<int32_t, std::decay_t<decltype(stream)>> argmin(stream, 70);
      c_transform(stream, cost, x.matrix(150, 40), phi.vector(), y.matrix(70, 40), out.vector(), argmin.vector());
      const auto values = out.host();
      const auto places = argmin.host();
      for (size_t j = 0; j < 70; ++j) {
        REQUIRE(answer.indices[j][0] == places[j]);
        REQUIRE(answer.values[j][0] == Approx(values[j]).epsilon(kTolerance));
      }
    });
  }
}

TEST_CASE("nearest has the same bits on any number of threads", "[nearest]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Shape {
    int64_t m, n, d;
  };
  for (const Shape shape : {Shape{64, 64, 784}, {1003, 5, 97}, {11, 1003, 97}, {301, 303, 47}}) {
    const Problem problem = random_problem(source, shape.m, shape.n, shape.d, 9);
    for (const Cost& cost : sample_costs()) {
      INFO(cost_name(cost) << " m=" << shape.m << " n=" << shape.n << " d=" << shape.d);
      CpuStream alone(1);
      const Answer one = solve(alone, cost, problem);
      for (const int threads : {2, 3, 5}) {
        CpuStream together(threads);
        const Answer several = solve(together, cost, problem);
        CHECK(several.values == one.values);
        CHECK(several.indices == one.indices);
      }
    }
  }
}

TEST_CASE("nearest refuses shapes that do not fit", "[nearest]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(1024));
    const OnStream places(stream, std::vector<int32_t>(1024));
    float* const p = memory.data();
    const auto call = [&](int64_t m, int64_t y_columns, Matrix<float> values, int64_t rows, int64_t k) {
      nearest(stream, LqCost{1, 1}, {p, m, 3}, {p, 4, y_columns}, values, {places.data(), rows, k});
    };
    float* const out = p + 512;
    CHECK_NOTHROW(call(2, 3, {out, 4, 2}, 4, 2));
    CHECK_NOTHROW(call(70, 3, {out, 4, 64}, 4, 64));
    CHECK_THROWS_AS(call(2, 3, {out, 4, 0}, 4, 0), ShapeError);
    CHECK_THROWS_WITH(call(2, 3, {out, 4, 3}, 4, 3), Catch::Contains("3 neighbours among 2 rows"));
    CHECK_THROWS_AS(call(70, 3, {out, 4, 65}, 4, 65), ShapeError);
    CHECK_THROWS_AS(call(0, 3, {out, 4, 1}, 4, 1), ShapeError);
    CHECK_THROWS_AS(call(2, 5, {out, 4, 2}, 4, 2), ShapeError);
    CHECK_THROWS_AS(call(2, 3, {out, 3, 2}, 4, 2), ShapeError);
    CHECK_THROWS_AS(call(2, 3, {out, 4, 2}, 3, 2), ShapeError);
    CHECK_THROWS_AS(call(2, 3, {out, 4, 2}, 4, 1), ShapeError);
    CHECK_THROWS_AS(nearest(stream, LqCost{0.5f, 1}, {p, 2, 3}, {p, 4, 3}, {out, 4, 2}, {places.data(), 4, 2}),
                    UsageError);
  });
}
