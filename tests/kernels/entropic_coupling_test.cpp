#include "kernels/entropic_coupling.h"

#include <catch2/catch.hpp>

#include "kernels/soft_c_transform.h"
#include "tests/kernels/pairs.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

/// Two marginals; the first has the rows of pairs.x.
struct Problem {
  Pairs pairs;
  float epsilon;
  std::vector<float> u, a, v, b;

  Problem exchanged() const { return {pairs.exchanged(), epsilon, v, b, u, a}; }
};

double cost_of(const Cost& cost, const Pairs& pairs, int64_t i, int64_t j) {
  return reference_cost(cost, pairs.x_row(i), pairs.y_row(j), pairs.d);
}

/// Potentials for which no exponent is above 0 and every column has one of 0; epsilon suits the costs.
Problem random_problem(std::mt19937_64& source, const Cost& cost, const Pairs& shape, float scale = 1) {
  Problem problem{random_pairs(source, shape, scale), 0,  {},
                  random_normals(source, shape.m),    {}, random_normals(source, shape.n)};
  const Pairs& pairs = problem.pairs;
  double mean = 0;
  for (int64_t i = 0; i < pairs.m; ++i)
    for (int64_t j = 0; j < pairs.n; ++j) mean += cost_of(cost, pairs, i, j) / static_cast<double>(pairs.m * pairs.n);
  problem.epsilon = static_cast<float>(std::max(0.2 * mean, 1e-30));
  problem.u = random_normals(source, pairs.m, problem.epsilon);
  for (int64_t j = 0; j < pairs.n; ++j) {
    double least = std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < pairs.m; ++i) least = std::min(least, cost_of(cost, pairs, i, j) - problem.u[i]);
    problem.v.push_back(static_cast<float>(least));
  }
  return problem;
}

struct Weight {
  double value;
  double error;
};

/// w_ij, and what it may be off by: its exponent is a rounded difference over epsilon, in which costs are off by some
/// 1e-6 of their size.
Weight weight_of(const Cost& cost, const Problem& problem, int64_t i, int64_t j) {
  const double c = cost_of(cost, problem.pairs, i, j), u = problem.u[i], v = problem.v[j];
  const double value = problem.a[i] * double{problem.b[j]} * std::exp((u + v - c) / problem.epsilon);
  if (value == 0) return {0, 0};  // dropped: its exponent is infinite
  return {value, std::abs(value) * (1e-5 + 5e-6 * (c + std::abs(u) + std::abs(v)) / problem.epsilon)};
}

/// Both sides in a stream's memory.
template <class Stream>
struct SidesOnStream {
  PairsOnStream<Stream> points;
  OnStream<float, Stream> u, a, v, b;
  EntropicSide first, second;

  SidesOnStream(Stream& stream, const Problem& problem)
      : points(stream, problem.pairs),
        u(stream, problem.u),
        a(stream, problem.a),
        v(stream, problem.v),
        b(stream, problem.b),
        first{points.x, u.vector(), a.vector()},
        second{points.y, v.vector(), b.vector()} {}
};

/// sum_j w_ij [m] and sum_i w_ij (d/dy) c(x_i, y_j) [n,d].
struct Answer {
  std::vector<float> marginal, gradient;
};

template <class Stream>
Answer solve(Stream& stream, const Cost& cost, const Problem& problem) {
  const Pairs& pairs = problem.pairs;
  const SidesOnStream sides(stream, problem);
  const OnStream marginal(stream, std::vector<float>(static_cast<size_t>(pairs.m), -777));
  const AnswerOnStream gradient(stream, pairs.n, pairs.d, pairs.gap);
  entropic_marginal(stream, cost, problem.epsilon, sides.first, sides.second, marginal.vector());
  entropic_cost_gradient(stream, cost, problem.epsilon, sides.first, sides.second, gradient.matrix);
  return {marginal.host(), gradient.values()};
}

Answer solve(const Cost& cost, const Problem& problem) {
  Answer answer;
  with_stream([&](auto& stream) { answer = solve(stream, cost, problem); });
  return answer;
}

void check_against_reference(const Cost& cost, const Problem& problem, double scale = 1) {
  const Pairs& pairs = problem.pairs;
  INFO(cost_name(cost) << " epsilon " << problem.epsilon << " " << pairs.text() << " scale " << scale);
  const Answer answer = solve(cost, problem);
  for (int64_t i = 0; i < pairs.m; ++i) {
    double sum = 0, error = std::numeric_limits<float>::min();
    for (int64_t j = 0; j < pairs.n; ++j) {
      const Weight weight = weight_of(cost, problem, i, j);
      sum += weight.value;
      error += weight.error;
    }
    REQUIRE(answer.marginal[i] == Approx(sum).epsilon(0).margin(error));
  }
  for (int64_t j = 0; j < pairs.n; ++j) {
    std::vector<double> expected(static_cast<size_t>(pairs.d));
    double error = std::numeric_limits<float>::min();
    for (int64_t i = 0; i < pairs.m; ++i) {
      const Weight weight = weight_of(cost, problem, i, j);
      const auto of_pair = reference_gradient(cost, pairs.x_row(i), pairs.y_row(j), pairs.d, 1e-5 * scale);
      double largest = 0;
      for (size_t k = 0; k < expected.size(); ++k) {
        expected[k] += weight.value * of_pair[k];
        largest = std::max(largest, std::abs(of_pair[k]));
      }
      error += weight.error * largest;
    }
    for (size_t k = 0; k < expected.size(); ++k)
      REQUIRE(answer.gradient[static_cast<size_t>(j * pairs.d) + k] == Approx(expected[k]).epsilon(0).margin(error));
  }
}

}  // namespace

TEST_CASE("an entropic coupling's sums are those of the reference, for every cost and shape", "[entropic_coupling]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Pairs& shape :
       {Pairs{1, 1, 1}, {2, 7, 13, 3}, {9, 33, 17, 1}, {3, 2, 300}, {150, 5, 7}, {67, 70, 3, 2}, {5, 300, 4}})
    for (const Cost& cost : sample_costs()) {
      const Problem problem = random_problem(source, cost, shape);
      check_against_reference(cost, problem);
      check_against_reference(cost, problem.exchanged());
    }
  // So many pairs that a GPU gets its large tiles.
  for (const Cost& cost : {Cost(LqCost{1, 2}), Cost(LqCost{2, 2})})
    check_against_reference(cost, random_problem(source, cost, {131, 3137, 2}));
}

TEST_CASE("an entropic coupling holds for small and large distances", "[entropic_coupling]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const float scale : {1e-6f, 1e6f})
    for (const Cost& cost : sample_costs())
      check_against_reference(cost, random_problem(source, cost, {11, 35, 9}, scale), scale);
}

TEST_CASE("the coupling of a soft c-transform sums to 1", "[entropic_coupling]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    Problem problem = random_problem(source, cost, {90, 40, 6});
    problem.a.assign(90, 1.0f / 90);
    problem.b.assign(40, 1);
    with_stream([&](auto& stream) {
      const SidesOnStream sides(stream, problem);
      const OnStream sums(stream, std::vector<float>(40));
      soft_c_transform(stream, cost, problem.epsilon, sides.first.points, sides.first.potential, sides.second.points,
                       sides.v.vector());
      entropic_marginal(stream, cost, problem.epsilon, sides.second, sides.first, sums.vector());
      for (const float sum : sums.host()) CHECK(sum == Approx(1).margin(1e-4));  // rounding of costs 5 to 50 epsilon
    });
  }
}

TEST_CASE("in an entropic coupling a potential of -infinity drops its point, and NaN propagates",
          "[entropic_coupling]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    Problem problem = random_problem(source, cost, {20, 35, 4});
    problem.u[3] = problem.v[17] = -kInfinity;
    check_against_reference(cost, problem);
    problem.u[7] = kNan;
    const Answer answer = solve(cost, problem);
    for (size_t i = 0; i < 20; ++i) CHECK(std::isnan(answer.marginal[i]) == (i == 7));
    for (const float value : answer.gradient) CHECK(std::isnan(value));
  }
}

TEST_CASE("an entropic coupling with nothing is 0", "[entropic_coupling]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Answer no_columns = solve(cost, {{2, 0, 3, 0, std::vector<float>(6, 1), {}}, 1, {1, 1}, {1, 1}, {}, {}});
    CHECK(no_columns.marginal == std::vector<float>{0, 0});
    CHECK(no_columns.gradient.empty());
    const Answer no_rows = solve(cost, {{0, 2, 3, 0, {}, std::vector<float>(6, 1)}, 1, {}, {}, {1, 1}, {1, 1}});
    CHECK(no_rows.marginal.empty());
    CHECK(no_rows.gradient == std::vector<float>(6, 0.0f));
    const Answer no_coordinates = solve(cost, {{2, 1, 0}, 1, {0, 0}, {3, 4}, {0}, {5}});
    CHECK(no_coordinates.marginal == std::vector<float>{15, 20});
  }
}

TEST_CASE("an entropic coupling has the same bits on any number of threads", "[entropic_coupling]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Pairs& shape : {Pairs{503, 5, 97}, {3, 503, 97}, {151, 153, 47}})
    for (const Cost& cost : sample_costs()) {
      const Problem problem = random_problem(source, cost, shape);
      INFO(cost_name(cost) << " " << shape.text());
      CpuStream alone(1);
      const Answer one = solve(alone, cost, problem);
      for (const int threads : {2, 3, 5}) {
        CpuStream together(threads);
        const Answer several = solve(together, cost, problem);
        CHECK(several.marginal == one.marginal);
        CHECK(several.gradient == one.gradient);
      }
    }
}

TEST_CASE("an entropic coupling refuses what does not fit", "[entropic_coupling]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    float* const p = memory.data();
    const EntropicSide x{{p, 2, 3}, {p, 2}, {p, 2}}, y{{p, 4, 3}, {p, 4}, {p, 4}};
    const EntropicSide wide{{p, 4, 5}, {p, 4}, {p, 4}}, no_mass{{p, 4, 3}, {p, 4}, {p, 0}},
        no_potential{{p, 4, 3}, {p, 0}, {p, 4}};
    const Vector<float> two{p, 2}, four{p, 4};
    const Matrix<float> gradient{p, 4, 3}, other{p, 2, 3};
    const Cost cost = LqCost{1, 1};
    CHECK_NOTHROW(entropic_marginal(stream, cost, 1, x, y, two));
    CHECK_NOTHROW(entropic_cost_gradient(stream, cost, 1, x, y, gradient));
    for (const EntropicSide& bad : {wide, no_mass, no_potential}) {
      CHECK_THROWS_AS(entropic_marginal(stream, cost, 1, x, bad, two), ShapeError);
      CHECK_THROWS_AS(entropic_cost_gradient(stream, cost, 1, x, bad, gradient), ShapeError);
    }
    CHECK_THROWS_AS(entropic_marginal(stream, cost, 1, x, y, four), ShapeError);
    CHECK_THROWS_AS(entropic_cost_gradient(stream, cost, 1, x, y, other), ShapeError);
    for (const float epsilon : {0.0f, -1.0f, kNan, kInfinity}) {
      CHECK_THROWS_AS(entropic_marginal(stream, cost, epsilon, x, y, two), UsageError);
      CHECK_THROWS_AS(entropic_cost_gradient(stream, cost, epsilon, x, y, gradient), UsageError);
    }
  });
}
