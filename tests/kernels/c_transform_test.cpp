#include "kernels/c_transform.h"

#include <catch2/catch.hpp>
#include <limits>

#include "kernels/paired_cost.h"
#include "tests/kernels/cost_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// x [m,d] and y [n,d] with `gap` unused elements after every row.
struct Problem {
  int64_t m, n, d, gap;
  std::vector<float> x, phi, y;

  int64_t stride() const { return d + gap; }
  const float* x_row(int64_t i) const { return x.data() + i * stride(); }
  const float* y_row(int64_t j) const { return y.data() + j * stride(); }
};

struct Answer {
  std::vector<float> out;
  std::vector<int32_t> argmin;
};

Problem random_problem(std::mt19937_64& source, int64_t m, int64_t n, int64_t d, int64_t gap = 0) {
  Problem problem{m,
                  n,
                  d,
                  gap,
                  random_normals(source, m * (d + gap)),
                  random_normals(source, m),
                  random_normals(source, n * (d + gap))};
  for (std::vector<float>* rows : {&problem.x, &problem.y})
    for (size_t at = 0; at < rows->size(); ++at)
      if (static_cast<int64_t>(at) % problem.stride() >= d) (*rows)[at] = kNan;  // must not be read
  return problem;
}

template <class Stream>
Answer solve(Stream& stream, const Cost& cost, const Problem& problem) {
  const OnStream x(stream, problem.x), phi(stream, problem.phi), y(stream, problem.y);
  const OnStream out(stream, std::vector<float>(static_cast<size_t>(problem.n), -777));
  const OnStream argmin(stream, std::vector<int32_t>(static_cast<size_t>(problem.n), -777));
  c_transform(stream, cost, {x.data(), problem.m, problem.d, problem.stride()}, phi.vector(),
              {y.data(), problem.n, problem.d, problem.stride()}, out.vector(), argmin.vector());
  return {out.host(), argmin.host()};
}

Answer solve(const Cost& cost, const Problem& problem) {
  Answer answer;
  with_stream([&](auto& stream) { answer = solve(stream, cost, problem); });
  return answer;
}

double value_at(const Cost& cost, const Problem& problem, int64_t i, int64_t j) {
  return reference_cost(cost, problem.x_row(i), problem.y_row(j), problem.d) - double{problem.phi[i]};
}

/// The sums of float terms are off by some 1e-6 of their size; the power p/q multiplies that by less than 3.
constexpr double kTolerance = 1e-5;

/// Value and place are right up to rounding: no candidate is clearly better than the one chosen.
void check_against_reference(const Cost& cost, const Problem& problem) {
  INFO(cost_name(cost) << " m=" << problem.m << " n=" << problem.n << " d=" << problem.d << " gap=" << problem.gap);
  const Answer answer = solve(cost, problem);
  for (int64_t j = 0; j < problem.n; ++j) {
    double least = std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < problem.m; ++i) least = std::min(least, value_at(cost, problem, i, j));
    REQUIRE(answer.argmin[j] >= 0);
    REQUIRE(answer.argmin[j] < problem.m);
    const double chosen = value_at(cost, problem, answer.argmin[j], j);
    const double error = kTolerance * (std::abs(chosen) + 2 * std::abs(double{problem.phi[answer.argmin[j]]}));
    REQUIRE(chosen <= least + error);
    REQUIRE(std::abs(answer.out[j] - chosen) <= error);
  }
}

/// Small integers: every sum is exact, many candidates tie, and the lowest must win.
Problem integer_problem(std::mt19937_64& source, int64_t m, int64_t n, int64_t d) {
  std::uniform_int_distribution<int> digit(0, 2);
  Problem problem = random_problem(source, m, n, d);
  for (auto* values : {&problem.x, &problem.y, &problem.phi})
    for (float& value : *values) value = static_cast<float>(digit(source));
  return problem;
}

}  // namespace

TEST_CASE("c_transform is the minimum over candidates, for every cost and shape", "[c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Shape {
    int64_t m, n, d, gap;
  };
  for (const Shape shape : {Shape{1, 1, 1, 0},
                            {3, 0, 5, 0},
                            {2, 7, 13, 3},
                            {8, 32, 16, 0},
                            {9, 33, 17, 1},
                            {65, 31, 257, 0},
                            {64, 64, 784, 0},
                            {131, 67, 5, 2},
                            {7, 129, 300, 0},
                            {257, 3, 31, 0},
                            {1, 65, 2, 0},
                            {16, 100, 70, 1},  // a side so short that the CPU packs nothing
                            {99, 15, 37, 0},
                            {131, 3137, 3, 0}})  // so many pairs that a GPU gets its large tiles
    for (const Cost& cost : sample_costs())
      check_against_reference(cost, random_problem(source, shape.m, shape.n, shape.d, shape.gap));
}

TEST_CASE("c_transform without coordinates is the largest potential", "[c_transform]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Answer answer = solve(cost, {4, 3, 0, 0, {}, {1, 5, 5, -2}, {}});
    CHECK(answer.out == std::vector<float>{-5, -5, -5});
    CHECK(answer.argmin == std::vector<int32_t>{1, 1, 1});
  }
}

TEST_CASE("c_transform gives ties to the lowest index", "[c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Problem problem = integer_problem(source, on_cuda() ? 2003 : 10007, 37, 3);
  for (const LqCost cost : {LqCost{1, 1}, LqCost{2, 2}, LqCost{1, 2}}) {
    INFO(cost.name());
    const Answer answer = solve(cost, problem);
    for (int64_t j = 0; j < problem.n; ++j) {
      int64_t first = 0;
      for (int64_t i = 1; i < problem.m; ++i)
        if (value_at(cost, problem, i, j) < value_at(cost, problem, first, j)) first = i;
      REQUIRE(answer.argmin[j] == first);
      REQUIRE(double{answer.out[j]} == value_at(cost, problem, first, j));
    }
  }
}

TEST_CASE("in c_transform a NaN wins at its lowest index", "[c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    Problem in_x = random_problem(source, 50, 35, 9);
    in_x.x[41 * 9 + 8] = kNan;
    in_x.x[23 * 9] = kNan;
    in_x.phi[3] = kInfinity;  // a value of -infinity before it does not stop a NaN
    Problem in_phi = random_problem(source, 50, 35, 9);
    in_phi.phi[49] = kNan;
    in_phi.phi[17] = kNan;
    Problem in_y = random_problem(source, 50, 35, 9);
    in_y.y[20 * 9 + 4] = kNan;

    const Answer from_x = solve(cost, in_x), from_phi = solve(cost, in_phi), from_y = solve(cost, in_y);
    for (size_t j = 0; j < 35; ++j) {
      CHECK(std::isnan(from_x.out[j]));
      CHECK(from_x.argmin[j] == 23);
      CHECK(std::isnan(from_phi.out[j]));
      CHECK(from_phi.argmin[j] == 17);
      CHECK(std::isnan(from_y.out[j]) == (j == 20));
      if (j == 20) CHECK(from_y.argmin[j] == 0);
    }
  }
}

TEST_CASE("in c_transform infinities order like numbers", "[c_transform]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Answer all_infinite = solve(cost, {3, 1, 1, 0, {kInfinity, -kInfinity, 0}, {0, 0, -kInfinity}, {1}});
    CHECK(all_infinite.out == std::vector<float>{kInfinity});
    CHECK(all_infinite.argmin == std::vector<int32_t>{0});
    const Answer one_finite = solve(cost, {3, 1, 1, 0, {kInfinity, 1, -kInfinity}, {0, 0, 0}, {1}});
    CHECK(one_finite.out == std::vector<float>{0});
    CHECK(one_finite.argmin == std::vector<int32_t>{1});
    const Answer below = solve(cost, {3, 1, 1, 0, {1, 2, 3}, {0, kInfinity, kInfinity}, {1}});
    CHECK(below.out == std::vector<float>{-kInfinity});
    CHECK(below.argmin == std::vector<int32_t>{1});
  }
}

TEST_CASE("c_transform keeps small and large distances apart", "[c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const float scale : {1e-20f, 1e-18f, 1e-13f, 1e-6f, 1e6f, 1e18f})
    for (const Cost& cost : {Cost(LqCost{1, 1}), Cost(LqCost{2, 1}), Cost(LqCost{1.2f, 1}), Cost(LqCost{3, 1})}) {
      INFO("scale " << scale);
      Problem problem = random_problem(source, 21, 18, 11);
      for (auto* values : {&problem.x, &problem.y, &problem.phi})
        for (float& value : *values) value *= scale;
      for (int64_t k = 0; k < problem.d; ++k) problem.y[k] = problem.x[k];  // and a distance of 0
      check_against_reference(cost, problem);
    }
}

TEST_CASE("in c_transform a point is at distance 0 from itself", "[c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  Problem problem = random_problem(source, 40, 40, 300);
  problem.y = problem.x;
  problem.phi.assign(40, 0);
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Answer answer = solve(cost, problem);
    for (size_t j = 0; j < 40; ++j) {
      CHECK(answer.out[j] == 0);
      CHECK(answer.argmin[j] == static_cast<int32_t>(j));
    }
  }
}

TEST_CASE("c_transform has the same bits on any number of threads", "[c_transform]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Shape {
    int64_t m, n, d;
  };
  for (const Shape shape : {Shape{64, 64, 784}, {1003, 5, 97}, {3, 1003, 97}, {301, 303, 47}}) {
    const Problem problem = random_problem(source, shape.m, shape.n, shape.d);
    for (const Cost& cost : sample_costs()) {
      INFO(cost_name(cost) << " m=" << shape.m << " n=" << shape.n << " d=" << shape.d);
      CpuStream alone(1);
      const Answer one = solve(alone, cost, problem);
      for (const int threads : {2, 3, 5}) {
        CpuStream together(threads);
        const Answer several = solve(together, cost, problem);
        CHECK(several.out == one.out);
        CHECK(several.argmin == one.argmin);
      }
    }
  }
}

TEST_CASE("a batch of c_transforms is each of them by itself", "[c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Shape {
    int64_t problems, m, n, d, gap;
  };
  for (const Shape shape :
       {Shape{7, 9, 33, 17, 1}, {1, 5, 6, 7, 0}, {2, 70, 3, 40, 2}, {5, 1, 1, 3, 0}, {3, 4, 0, 2, 0}})
    for (const Cost& cost : sample_costs()) {
      INFO(cost_name(cost) << " problems=" << shape.problems << " m=" << shape.m << " n=" << shape.n);
      const Problem all =
          random_problem(source, shape.problems * shape.m, shape.problems * shape.n, shape.d, shape.gap);
      with_stream([&](auto& stream) {
        const OnStream x(stream, all.x), phi(stream, all.phi), y(stream, all.y);
        const OnStream out(stream, std::vector<float>(static_cast<size_t>(all.n), -777));
        const OnStream argmin(stream, std::vector<int32_t>(static_cast<size_t>(all.n), -777));
        batched_c_transform(stream, cost, shape.problems, {x.data(), all.m, all.d, all.stride()}, phi.vector(),
                            {y.data(), all.n, all.d, all.stride()}, out.vector(), argmin.vector());
        const std::vector<float> values = out.host();
        const std::vector<int32_t> places = argmin.host();
        for (int64_t b = 0; b < shape.problems; ++b) {
          const auto part = [](const auto& values, int64_t index, int64_t size) {
            return std::vector(values.begin() + index * size, values.begin() + (index + 1) * size);
          };
          const Answer alone = solve(stream, cost,
                                     {shape.m, shape.n, shape.d, shape.gap, part(all.x, b, shape.m * all.stride()),
                                      part(all.phi, b, shape.m), part(all.y, b, shape.n * all.stride())});
          CHECK(part(values, b, shape.n) == alone.out);
          CHECK(part(places, b, shape.n) == alone.argmin);
        }
      });
    }
}

TEST_CASE("batched c_transforms refuse rows that do not divide", "[c_transform]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    const OnStream places(stream, std::vector<int32_t>(64));
    float* const p = memory.data();
    const auto call = [&](int64_t problems, int64_t m, int64_t n) {
      batched_c_transform(stream, LqCost{1, 1}, problems, {p, m, 2}, {p, m}, {p, n, 2}, {p, n}, {places.data(), n});
    };
    CHECK_NOTHROW(call(3, 6, 9));
    CHECK_NOTHROW(call(0, 0, 0));
    CHECK_THROWS_AS(call(3, 7, 9), ShapeError);
    CHECK_THROWS_AS(call(3, 6, 8), ShapeError);
    CHECK_THROWS_AS(call(0, 6, 6), ShapeError);
    CHECK_THROWS_AS(call(-1, 6, 6), ShapeError);
    CHECK_THROWS_AS(call(3, 0, 3), ShapeError);
  });
}

namespace {

/// Candidates against each of the first `points` points, by paired_cost: the direct differences that a filter must not
/// change.
Answer solve_directly(CpuStream& stream, const Cost& cost, const Problem& problem, int64_t points) {
  Answer answer{std::vector<float>(static_cast<size_t>(points), kInfinity),
                std::vector<int32_t>(static_cast<size_t>(points))};
  std::vector<float> costs(static_cast<size_t>(problem.m));
  for (int64_t j = 0; j < points; ++j) {
    paired_cost(stream, cost, {problem.x.data(), problem.m, problem.d, problem.stride()},
                {problem.y_row(j), problem.m, problem.d, 0}, {costs.data(), problem.m});
    for (int64_t i = 0; i < problem.m; ++i) {
      const float value = costs[i] - problem.phi[i];
      if (value >= answer.out[j] || std::isnan(answer.out[j])) continue;
      answer.out[j] = value;
      answer.argmin[j] = static_cast<int32_t>(i);
    }
  }
  return answer;
}

}  // namespace

TEST_CASE("a matrix product rules out candidates without changing a bit", "[c_transform]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const int64_t m = 8199, n = 515, d = 131;  // where the CPU's c_transform uses the product
  Problem problem = random_problem(source, m, n, d, 2);
  const std::string kind = GENERATE(as<std::string>(), "random", "far from the origin", "near ties", "ties",
                                    "descending", "not finite", "tiny");
  INFO(kind);
  const auto for_each_coordinate = [&](std::vector<float>& rows, auto change) {
    for (size_t at = 0; at < rows.size(); ++at)
      if (static_cast<int64_t>(at) % problem.stride() < d) rows[at] = change(rows[at], at);
  };
  if (kind == "far from the origin")
    for (auto* rows : {&problem.x, &problem.y}) for_each_coordinate(*rows, [](float v, size_t) { return 1000 + v; });
  if (kind == "near ties") {
    // All candidates at nearly the same distance of a point, to the last digits.
    const std::vector<float> first(problem.x.begin(), problem.x.begin() + problem.stride());
    for_each_coordinate(problem.x, [&](float v, size_t at) { return first[at % first.size()] + 1e-7f * v; });
    problem.phi.assign(problem.phi.size(), 0);
  }
  if (kind == "ties") {
    for_each_coordinate(problem.x, [](float v, size_t) { return std::round(v); });
    for_each_coordinate(problem.y, [](float v, size_t) { return std::round(v); });
    problem.phi.assign(problem.phi.size(), 0);
    std::copy(problem.x.begin(), problem.x.begin() + 5 * problem.stride(), problem.x.begin() + 700 * problem.stride());
    std::copy(problem.x.begin(), problem.x.begin() + 5 * problem.stride(), problem.y.begin());
  }
  if (kind == "descending")
    for (int64_t i = 0; i < m; ++i) problem.phi[static_cast<size_t>(i)] = static_cast<float>(i);
  if (kind == "not finite") {
    problem.x[5 * problem.stride()] = kInfinity;
    problem.x[4000 * problem.stride()] = kNan;
    problem.phi[77] = -kInfinity;
    problem.y[3 * problem.stride() + 1] = -kInfinity;
    problem.y[4 * problem.stride() + 1] = 1e30f;
  }
  if (kind == "tiny")
    for (auto* rows : {&problem.x, &problem.y, &problem.phi})
      for (float& value : *rows) value *= 1e-20f;

  for (const LqCost cost : {LqCost{2, 2}, LqCost{2, 1}, LqCost{2, 3}}) {
    INFO(cost.name());
    CpuStream stream(2);
    const Answer filtered = solve(stream, cost, problem), direct = solve_directly(stream, cost, problem, 40);
    for (size_t j = 0; j < direct.out.size(); ++j) {
      REQUIRE(filtered.argmin[j] == direct.argmin[j]);
      REQUIRE((filtered.out[j] == direct.out[j] || (std::isnan(filtered.out[j]) && std::isnan(direct.out[j]))));
    }
  }
}

TEST_CASE("c_transform refuses shapes that do not fit", "[c_transform]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    const OnStream places(stream, std::vector<int32_t>(64));
    float* const p = memory.data();
    const auto call = [&](Matrix<const float> x, Vector<const float> phi, Matrix<const float> y, Vector<float> out,
                          int64_t argmin_size) {
      c_transform(stream, LqCost{1, 1}, x, phi, y, out, {places.data(), argmin_size});
    };
    CHECK_NOTHROW(call({p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 4}, 4));
    CHECK_THROWS_AS(call({p, 0, 3}, {p, 0}, {p, 4, 3}, {p, 4}, 4), ShapeError);
    CHECK_THROWS_AS(call({p, 0, 3}, {p, 0}, {p, 0, 3}, {p, 0}, 0), ShapeError);
    CHECK_THROWS_AS(call({p, 2, 3}, {p, 2}, {p, 4, 5}, {p, 4}, 4), ShapeError);
    CHECK_THROWS_WITH(call({p, 2, 3}, {p, 2}, {p, 4, 5}, {p, 4}, 4), Catch::Contains("5") && Catch::Contains("3"));
    CHECK_THROWS_AS(call({p, 2, 3}, {p, 7}, {p, 4, 3}, {p, 4}, 4), ShapeError);
    CHECK_THROWS_AS(call({p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 6}, 4), ShapeError);
    CHECK_THROWS_AS(call({p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 4}, 6), ShapeError);
    CHECK_THROWS_AS(c_transform(stream, LqCost{0.5f, 1}, {p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 4}, {places.data(), 4}),
                    UsageError);
  });
}
