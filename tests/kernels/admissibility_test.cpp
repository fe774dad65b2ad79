#include "kernels/admissibility.h"

#include <catch2/catch.hpp>
#include <limits>

#include "kernels/c_transform.h"
#include "tests/kernels/cost_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// x [m,d] and y [n,d] with `gap` unused elements after every row, and their potentials.
struct Problem {
  int64_t m, n, d, gap;
  std::vector<float> x, phi, y, psi;

  int64_t stride() const { return d + gap; }
  double cost_of(const Cost& cost, int64_t i, int64_t j) const {
    return reference_cost(cost, x.data() + i * stride(), y.data() + j * stride(), d);
  }
};

/// Potentials are such that about half of the pairs violate c(x, y) >= phi + psi.
Problem random_problem(std::mt19937_64& source, const Cost& cost, int64_t m, int64_t n, int64_t d, int64_t gap = 0) {
  Problem problem{m, n, d, gap, {}, random_normals(source, m), {}, random_normals(source, n)};
  problem.x = random_normals(source, m * problem.stride());
  problem.y = random_normals(source, n * problem.stride());
  for (int64_t j = 0; j < n; ++j) problem.psi[j] += static_cast<float>(problem.cost_of(cost, j % m, j));
  for (std::vector<float>* rows : {&problem.x, &problem.y})
    for (size_t at = 0; at < rows->size(); ++at)
      if (static_cast<int64_t>(at) % problem.stride() >= d) (*rows)[at] = kNan;  // must not be read
  return problem;
}

struct Answer {
  float value;
  std::vector<float> phi_gradient, psi_gradient;
};

template <class Stream>
Answer solve(Stream& stream, const Cost& cost, Penalty penalty, const Problem& problem) {
  const OnStream x(stream, problem.x), phi(stream, problem.phi), y(stream, problem.y), psi(stream, problem.psi);
  const OnStream value(stream, std::vector<float>{-777});
  const OnStream phi_gradient(stream, std::vector<float>(problem.phi.size(), -777));
  const OnStream psi_gradient(stream, std::vector<float>(problem.psi.size(), -777));
  admissibility(stream, cost, penalty, {x.data(), problem.m, problem.d, problem.stride()}, phi.vector(),
                {y.data(), problem.n, problem.d, problem.stride()}, psi.vector(), value.vector(), phi_gradient.vector(),
                psi_gradient.vector());
  return {value.host()[0], phi_gradient.host(), psi_gradient.host()};
}

Answer solve(const Cost& cost, Penalty penalty, const Problem& problem) {
  Answer answer;
  with_stream([&](auto& stream) { answer = solve(stream, cost, penalty, problem); });
  return answer;
}

/// A sum of doubles with a bound on what floats may make of it.
struct Bounded {
  double value = 0;
  double error = 0;

  void add(double x, double x_error) {
    value += x;
    error += x_error;
  }
};

void check_close(float got, Bounded expected) {
  CHECK(std::abs(got - expected.value) <= expected.error + 1e-6 * std::abs(expected.value));
}

/// A cost of float terms is off by some 1e-6 of its size, times p/q < 3; slacks are off by as much of all they are made
/// of, their squares by twice the slack as much.
constexpr double kTolerance = 1e-5;

void check_against_reference(const Cost& cost, Penalty penalty, const Problem& problem) {
  INFO(cost_name(cost) << (penalty == Penalty::Square ? " square" : " violation") << " m=" << problem.m
                       << " n=" << problem.n << " d=" << problem.d << " gap=" << problem.gap);
  const Answer answer = solve(cost, penalty, problem);
  const double weight = 1.0 / static_cast<double>(problem.m * problem.n);
  Bounded value;
  std::vector<Bounded> rows(problem.phi.size()), columns(problem.psi.size());
  for (int64_t i = 0; i < problem.m; ++i)
    for (int64_t j = 0; j < problem.n; ++j) {
      const double c = problem.cost_of(cost, i, j), phi = problem.phi[i], psi = problem.psi[j];
      const double xi = c - phi - psi;
      const double counted = penalty == Penalty::Square ? xi : std::min(xi, 0.0);
      const double error = kTolerance * (c + std::abs(phi) + std::abs(psi));
      value.add(weight * counted * counted, weight * (2 * std::abs(counted) + error) * error);
      rows[i].add(-2 * weight * counted, 2 * weight * error);
      columns[j].add(-2 * weight * counted, 2 * weight * error);
    }
  check_close(answer.value, value);
  for (size_t i = 0; i < rows.size(); ++i) check_close(answer.phi_gradient[i], rows[i]);
  for (size_t j = 0; j < columns.size(); ++j) check_close(answer.psi_gradient[j], columns[j]);
}

constexpr Penalty kPenalties[] = {Penalty::Square, Penalty::Violation};

}  // namespace

TEST_CASE("admissibility is the mean penalty and its derivatives, for every cost and shape", "[admissibility]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Shape {
    int64_t m, n, d, gap;
  };
  for (const Shape shape : {Shape{1, 1, 1, 0},
                            {5, 3, 0, 0},
                            {2, 7, 13, 3},
                            {8, 32, 16, 0},
                            {9, 33, 17, 1},
                            {65, 31, 257, 0},
                            {64, 64, 784, 0},
                            {131, 67, 5, 2},
                            {257, 3, 31, 0},
                            {1, 65, 2, 0},
                            {131, 3137, 3, 0}})  // so many pairs that a GPU gets its large tiles
    for (const Cost& cost : sample_costs()) {
      const Problem problem = random_problem(source, cost, shape.m, shape.n, shape.d, shape.gap);
      for (const Penalty penalty : kPenalties) check_against_reference(cost, penalty, problem);
    }
}

TEST_CASE("admissibility adds up a million large penalties", "[admissibility]") {
  const Problem problem{1009,
                        1013,
                        1,
                        0,
                        std::vector<float>(1009, 2),
                        std::vector<float>(1009, 1003),
                        std::vector<float>(1013, 1),
                        std::vector<float>(1013, -2)};  // every slack is 1 - 1003 + 2
  for (const Penalty penalty : kPenalties) {
    const Answer answer = solve(LqCost{1, 1}, penalty, problem);
    CHECK(answer.value == Approx(1e6).epsilon(1e-7));
    for (const float slope : answer.phi_gradient) REQUIRE(slope == Approx(2000.0 / 1009).epsilon(1e-7));
    for (const float slope : answer.psi_gradient) REQUIRE(slope == Approx(2000.0 / 1013).epsilon(1e-7));
  }
}

TEST_CASE("a potential and its c-transform violate nothing", "[admissibility]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    Problem problem = random_problem(source, cost, 67, 130, 33);
    REQUIRE(solve(cost, Penalty::Violation, problem).value > 0.01f);
    double size = 0;  // of the terms of a slack
    with_stream([&](auto& stream) {
      const OnStream x(stream, problem.x), phi(stream, problem.phi), y(stream, problem.y), psi(stream, problem.psi);
      const OnStream argmin(stream, std::vector<int32_t>(problem.psi.size()));
      c_transform(stream, cost, x.matrix(67, 33), phi.vector(), y.matrix(130, 33), psi.vector(), argmin.vector());
      problem.psi = psi.host();
      for (size_t j = 0; j < problem.psi.size(); ++j)
        size = std::max(size, std::abs(double{problem.psi[j]}) + std::abs(problem.phi[argmin.host()[j]]));
    });
    const Answer answer = solve(cost, Penalty::Violation, problem);
    const double rounding = 1e-6 * size;
    CHECK(answer.value <= rounding * rounding);
    for (const float slope : answer.phi_gradient) REQUIRE(std::abs(slope) <= rounding);
    for (const float slope : answer.psi_gradient) REQUIRE(std::abs(slope) <= rounding);
    CHECK(solve(cost, Penalty::Square, problem).value > 0.01f);
  }
}

TEST_CASE("admissibility propagates NaN", "[admissibility]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs())
    for (const Penalty penalty : kPenalties) {
      INFO(cost_name(cost));
      Problem problem = random_problem(source, cost, 50, 35, 9);
      problem.x[41 * 9 + 8] = kNan;
      const Answer from_x = solve(cost, penalty, problem);
      CHECK(std::isnan(from_x.value));
      for (size_t i = 0; i < 50; ++i) REQUIRE(std::isnan(from_x.phi_gradient[i]) == (i == 41));
      for (size_t j = 0; j < 35; ++j) REQUIRE(std::isnan(from_x.psi_gradient[j]));

      problem = random_problem(source, cost, 50, 35, 9);
      problem.psi[20] = kNan;
      const Answer from_psi = solve(cost, penalty, problem);
      CHECK(std::isnan(from_psi.value));
      for (size_t i = 0; i < 50; ++i) REQUIRE(std::isnan(from_psi.phi_gradient[i]));
      for (size_t j = 0; j < 35; ++j) REQUIRE(std::isnan(from_psi.psi_gradient[j]) == (j == 20));
    }
}

TEST_CASE("admissibility repeats bit for bit, and is the same on any number of threads but for rounding",
          "[admissibility]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const auto& [m, n, d] : {std::tuple{64, 64, 784}, {503, 5, 97}, {3, 503, 97}, {301, 303, 7}}) {
    INFO("m=" << m << " n=" << n << " d=" << d);
    const LqCost cost{2, 1};
    const Problem problem = random_problem(source, cost, m, n, d);
    const Answer first = solve(cost, Penalty::Square, problem), again = solve(cost, Penalty::Square, problem);
    CHECK(again.value == first.value);
    CHECK(again.phi_gradient == first.phi_gradient);
    CHECK(again.psi_gradient == first.psi_gradient);
    if (on_cuda()) continue;
    for (const int threads : {1, 3, 5}) {
      CpuStream other(threads);
      const Answer answer = solve(other, cost, Penalty::Square, problem);
      CHECK(answer.value == Approx(first.value).epsilon(1e-6));
      for (int i = 0; i < m; ++i) REQUIRE(answer.phi_gradient[i] == Approx(first.phi_gradient[i]).margin(1e-5 / m));
      for (int j = 0; j < n; ++j) REQUIRE(answer.psi_gradient[j] == Approx(first.psi_gradient[j]).margin(1e-5 / n));
    }
  }
}

TEST_CASE("admissibility refuses shapes that do not fit", "[admissibility]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    float* const p = memory.data();
    struct Sizes {
      int64_t m = 2, n = 4, y_columns = 3, phi = 2, psi = 4, value = 1, phi_gradient = 2, psi_gradient = 4;
    };
    const auto call = [&](Sizes s) {
      admissibility(stream, LqCost{1, 1}, Penalty::Square, {p, s.m, 3}, {p, s.phi}, {p, s.n, s.y_columns}, {p, s.psi},
                    {p + 32, s.value}, {p + 34, s.phi_gradient}, {p + 40, s.psi_gradient});
    };
    CHECK_NOTHROW(call({}));
    CHECK_THROWS_AS(call({.m = 0, .phi = 0, .phi_gradient = 0}), ShapeError);
    CHECK_THROWS_AS(call({.n = 0, .psi = 0, .psi_gradient = 0}), ShapeError);
    CHECK_THROWS_AS(call({.y_columns = 5}), ShapeError);
    CHECK_THROWS_AS(call({.phi = 3}), ShapeError);
    CHECK_THROWS_AS(call({.psi = 3}), ShapeError);
    CHECK_THROWS_AS(call({.value = 0}), ShapeError);
    CHECK_THROWS_AS(call({.phi_gradient = 1}), ShapeError);
    CHECK_THROWS_AS(call({.psi_gradient = 7}), ShapeError);
    CHECK_THROWS_AS(admissibility(stream, LqCost{0.5f, 1}, Penalty::Square, {p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 4},
                                  {p + 32, 1}, {p + 34, 2}, {p + 40, 4}),
                    UsageError);
  });
}
