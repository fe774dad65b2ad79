#include "kernels/soft_minimum.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "kernels/error.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Matrices [rows, columns] with a gap after each row, one under another.
struct Matrices {
  int64_t problems, rows, columns, gap;
  std::vector<float> costs = {};

  int64_t stride() const { return columns + gap; }
  double cost(int64_t problem, int64_t row, int64_t column) const {
    return costs[static_cast<size_t>((problem * rows + row) * stride() + column)];
  }
};

Matrices random_matrices(std::mt19937_64& source, Matrices shape, float scale = 1) {
  shape.costs = random_normals(source, shape.problems * shape.rows * shape.stride(), scale);
  return shape;
}

template <class Stream>
std::vector<float> solve(Stream& stream, float epsilon, const Matrices& of, bool transposed,
                         const std::vector<float>& potential) {
  const OnStream costs(stream, of.costs), phi(stream, potential);
  const OnStream out(stream,
                     std::vector<float>(static_cast<size_t>(of.problems * (transposed ? of.rows : of.columns)), -777));
  soft_minimum(stream, epsilon, of.problems,
               {{costs.data(), of.problems * of.rows, of.columns, of.stride()}, transposed}, phi.vector(),
               out.vector());
  return out.host();
}

std::vector<float> solve(float epsilon, const Matrices& of, bool transposed, const std::vector<float>& potential) {
  std::vector<float> out;
  with_stream([&](auto& stream) { out = solve(stream, epsilon, of, transposed, potential); });
  return out;
}

/// In double; costs and potentials are about 1, so that the differences of both round to some 1e-7, and the sums'
/// logarithms, times epsilon, to as much of epsilon where it is no larger than they are.
void check_against_reference(float epsilon, const Matrices& of, bool transposed, const std::vector<float>& potential,
                             double scale = 1) {
  INFO("epsilon " << epsilon << " " << of.problems << " of " << of.rows << "x" << of.columns << "+" << of.gap
                  << (transposed ? " transposed" : ""));
  const std::vector<float> answer = solve(epsilon, of, transposed, potential);
  const int64_t m = transposed ? of.columns : of.rows, n = transposed ? of.rows : of.columns;
  REQUIRE(std::ssize(answer) == of.problems * n);
  for (int64_t problem = 0; problem < of.problems; ++problem)
    for (int64_t j = 0; j < n; ++j) {
      std::vector<double> values;
      double largest = -std::numeric_limits<double>::infinity();
      for (int64_t i = 0; i < m; ++i) {
        const double cost = transposed ? of.cost(problem, j, i) : of.cost(problem, i, j);
        values.push_back(potential[static_cast<size_t>(problem * m + i)] - cost);
        largest = std::max(largest, values.back());
      }
      double below_1 = 0;  // sum of 1 - exp: keeps its digits also for a large epsilon
      for (const double value : values) below_1 -= std::expm1((value - largest) / epsilon);
      const double expected = -largest - epsilon * std::log1p(-below_1 / static_cast<double>(m));
      REQUIRE(answer[static_cast<size_t>(problem * n + j)] == Approx(expected).epsilon(1e-6).margin(3e-6 * scale));
    }
}

}  // namespace

TEST_CASE("soft_minimum is the log-sum-exp over rows or columns, for every shape", "[soft_minimum]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Matrices& shape : {Matrices{1, 1, 1, 0},
                                {1, 3, 0, 1},
                                {1, 2, 7, 3},
                                {3, 1, 5, 0},
                                {4, 17, 31, 2},
                                {2, 33, 16, 0},
                                {1, 131, 67, 1},
                                {1, 700, 3, 0},
                                {1, 5, 1100, 0},
                                {7, 64, 64, 0}})
    for (const bool transposed : {false, true}) {
      const Matrices all = random_matrices(source, shape);
      if (transposed && shape.columns == 0) continue;
      check_against_reference(source() % 2 ? 0.05f : 2.0f, all, transposed,
                              random_normals(source, shape.problems * (transposed ? shape.columns : shape.rows)));
    }
}

TEST_CASE("soft_minimum holds for every epsilon and size of costs", "[soft_minimum]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const float scale : {1.0f, 1e4f}) {
    const Matrices all = random_matrices(source, {1, 150, 150, 0}, scale);
    const std::vector<float> potential = random_normals(source, 150, scale);
    for (const float epsilon : {1e-37f, 1e-3f, 0.3f, 10.0f, 1e3f, 1e6f, 1e37f})
      for (const bool transposed : {false, true}) check_against_reference(epsilon, all, transposed, potential, scale);
  }
}

TEST_CASE("in soft_minimum infinite potentials drop or decide, and NaN propagates", "[soft_minimum]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Matrices all = random_matrices(source, {1, 90, 90, 0});
  for (const bool transposed : {false, true}) {
    std::vector<float> potential = random_normals(source, 90);
    for (size_t i = 0; i < 77; ++i) potential[i] = -kInfinity;  // whole blocks, and a part of one
    check_against_reference(0.5f, all, transposed, potential);
    CHECK(solve(0.5f, all, transposed, std::vector<float>(90, -kInfinity)) == std::vector<float>(90, kInfinity));
    potential[80] = kInfinity;
    CHECK(solve(0.5f, all, transposed, potential) == std::vector<float>(90, -kInfinity));
    potential[80] = kNan;
    for (const float value : solve(0.5f, all, transposed, potential)) CHECK(std::isnan(value));

    Matrices bad = all;
    bad.costs[3 * 90 + 20] = kNan;
    const std::vector<float> answer = solve(0.5f, bad, transposed, std::vector<float>(90, 0.0f));
    for (size_t j = 0; j < 90; ++j) CHECK(std::isnan(answer[j]) == (j == (transposed ? 3 : 20)));
  }
}

TEST_CASE("soft_minimum has the same bits on any number of threads, alone or among others", "[soft_minimum]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Matrices& shape : {Matrices{3, 260, 301, 0}, {5, 64, 64, 0}})
    for (const bool transposed : {false, true}) {
      const Matrices all = random_matrices(source, shape);
      const int64_t m = transposed ? shape.columns : shape.rows;
      const std::vector<float> potential = random_normals(source, shape.problems * m);
      const std::vector<float> answer = solve(0.3f, all, transposed, potential);
      if (on_cuda()) continue;  // the parts of a column's sum depend on the number of problems
      for (const int threads : {1, 3}) {
        CpuStream stream(threads);
        CHECK(solve(stream, 0.3f, all, transposed, potential) == answer);
      }
      std::vector<float> alone;
      for (int64_t problem = 0; problem < shape.problems; ++problem) {
        const int64_t size = shape.rows * shape.columns;
        const Matrices one{1,
                           shape.rows,
                           shape.columns,
                           0,
                           {all.costs.begin() + problem * size, all.costs.begin() + (problem + 1) * size}};
        const std::vector<float> part =
            solve(0.3f, one, transposed, {potential.begin() + problem * m, potential.begin() + (problem + 1) * m});
        alone.insert(alone.end(), part.begin(), part.end());
      }
      CHECK(alone == answer);
    }
}

TEST_CASE("soft_minimum refuses what does not fit", "[soft_minimum]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    float* const p = memory.data();
    const auto call = [&](float epsilon, int64_t problems, Factor costs, int64_t phi, int64_t out) {
      soft_minimum(stream, epsilon, problems, costs, {p, phi}, {p + 32, out});
    };
    CHECK_NOTHROW(call(1, 1, {{p, 2, 3}}, 2, 3));
    CHECK_NOTHROW(call(1, 1, {{p, 2, 3}, true}, 3, 2));
    CHECK_NOTHROW(call(1, 2, {{p, 4, 3}}, 4, 6));
    CHECK_NOTHROW(call(1, 0, {{p, 0, 3}}, 0, 0));
    CHECK_THROWS_AS(call(1, 1, {{p, 2, 3}}, 3, 3), ShapeError);
    CHECK_THROWS_AS(call(1, 1, {{p, 2, 3}}, 2, 2), ShapeError);
    CHECK_THROWS_AS(call(1, 3, {{p, 4, 3}}, 4, 9), ShapeError);
    CHECK_THROWS_AS(call(1, -1, {{p, 4, 3}}, 4, 3), ShapeError);
    CHECK_THROWS_AS(call(1, 0, {{p, 4, 3}}, 4, 0), ShapeError);
    CHECK_THROWS_AS(call(1, 1, {{p, 0, 3}}, 0, 3), ShapeError);
    CHECK_THROWS_AS(call(1, 1, {{p, 2, 0}, true}, 0, 2), ShapeError);
    for (const float epsilon : {0.0f, -1.0f, kNan, kInfinity})
      CHECK_THROWS_AS(call(epsilon, 1, {{p, 2, 3}}, 2, 3), UsageError);
  });
}
