#include "kernels/soft_c_transform.h"

#include <catch2/catch.hpp>

#include "kernels/c_transform.h"
#include "tests/kernels/pairs.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

template <class Stream>
std::vector<float> solve(Stream& stream, const Cost& cost, float epsilon, const Pairs& pairs,
                         const std::vector<float>& potential) {
  const PairsOnStream on_stream(stream, pairs);
  const OnStream phi(stream, potential);
  const OnStream out(stream, std::vector<float>(static_cast<size_t>(pairs.n), -777));
  soft_c_transform(stream, cost, epsilon, on_stream.x, phi.vector(), on_stream.y, out.vector());
  return out.host();
}

std::vector<float> solve(const Cost& cost, float epsilon, const Pairs& pairs, const std::vector<float>& potential) {
  std::vector<float> out;
  with_stream([&](auto& stream) { out = solve(stream, cost, epsilon, pairs, potential); });
  return out;
}

/// The value in double, and the mean of |c_ij| + |phi_i| over the coupling: what rounding is in proportion to.
struct Expected {
  double value;
  double size;
};

Expected reference_value(const Cost& cost, double epsilon, const Pairs& pairs, const std::vector<float>& potential,
                         int64_t j) {
  std::vector<double> costs;
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < pairs.m; ++i) {
    costs.push_back(reference_cost(cost, pairs.x_row(i), pairs.y_row(j), pairs.d));
    largest = std::max(largest, potential[static_cast<size_t>(i)] - costs.back());
  }
  double below_1 = 0, total = 0, size = 0;  // sum of 1 - exp: keeps its digits also for a large epsilon
  for (size_t i = 0; i < costs.size(); ++i) {
    const double exponent = (potential[i] - costs[i] - largest) / epsilon;
    below_1 -= std::expm1(exponent);
    if (exponent < -700) continue;
    total += std::exp(exponent);
    size += std::exp(exponent) * (costs[i] + std::abs(double{potential[i]}));
  }
  return {-largest - epsilon * std::log1p(-below_1 / static_cast<double>(pairs.m)), size / total};
}

/// The sums of float terms are off by some 1e-6 of their size; the power p/q multiplies that by less than 3.
constexpr double kTolerance = 1e-5;

void check_against_reference(const Cost& cost, float epsilon, const Pairs& pairs, const std::vector<float>& potential) {
  INFO(cost_name(cost) << " epsilon " << epsilon << " " << pairs.text());
  const std::vector<float> answer = solve(cost, epsilon, pairs, potential);
  for (int64_t j = 0; j < pairs.n; ++j) {
    const Expected expected = reference_value(cost, epsilon, pairs, potential, j);
    REQUIRE(answer[static_cast<size_t>(j)] ==
            Approx(expected.value).epsilon(0).margin(kTolerance * (std::abs(expected.value) + expected.size)));
  }
}

}  // namespace

TEST_CASE("soft_c_transform is the log-sum-exp over candidates, for every cost and shape", "[soft_c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Pairs& shape :
       {Pairs{1, 1, 1}, {3, 0, 5}, {2, 7, 13, 3}, {9, 33, 17, 1}, {17, 31, 257}, {131, 67, 5, 2}, {300, 3, 7}})
    for (const Cost& cost : sample_costs()) {
      const Pairs pairs = random_pairs(source, shape);
      check_against_reference(cost, source() % 2 ? 0.05f : 2.0f, pairs, random_normals(source, pairs.m));
    }
  // So many pairs that a GPU gets its large tiles.
  const Pairs many = random_pairs(source, {131, 3137, 3});
  check_against_reference(sample_costs().front(), 0.5f, many, random_normals(source, many.m));
}

TEST_CASE("soft_c_transform holds for every epsilon", "[soft_c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    const Pairs near = random_pairs(source, {150, 3, 5}), far = random_pairs(source, {150, 3, 5}, 200);
    const std::vector<float> potential = random_normals(source, 150);
    for (const float epsilon : {1e-37f, 1e-6f, 1e-3f, 0.3f, 10.0f, 1e3f, 1e6f, 1e12f, 1e37f}) {
      check_against_reference(cost, epsilon, near, potential);
      check_against_reference(cost, epsilon, far, potential);
    }
  }
}

TEST_CASE("soft_c_transform tends to the c-transform", "[soft_c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Pairs pairs = random_pairs(source, {100, 40, 8});
    const std::vector<float> potential = random_normals(source, pairs.m);
    const std::vector<float> soft = solve(cost, 1e-30f, pairs, potential);
    with_stream([&](auto& stream) {
      const PairsOnStream on_stream(stream, pairs);
      const OnStream phi(stream, potential), hard(stream, std::vector<float>(soft.size()));
      const OnStream argmin(stream, std::vector<int32_t>(soft.size()));
      c_transform(stream, cost, on_stream.x, phi.vector(), on_stream.y, hard.vector(), argmin.vector());
      CHECK(hard.host() == soft);
    });
  }
}

TEST_CASE("in soft_c_transform infinite potentials drop or decide, and NaN propagates", "[soft_c_transform]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Pairs pairs = random_pairs(source, {200, 35, 4});
    std::vector<float> potential = random_normals(source, pairs.m);
    for (size_t i = 0; i < 130; ++i) potential[i] = -kInfinity;  // whole tiles, and a part of one
    check_against_reference(cost, 0.5f, pairs, potential);
    const std::vector<float> nothing(200, -kInfinity);
    CHECK(solve(cost, 0.5f, pairs, nothing) == std::vector<float>(35, kInfinity));

    potential[150] = kInfinity;
    CHECK(solve(cost, 0.5f, pairs, potential) == std::vector<float>(35, -kInfinity));
    potential[150] = kNan;
    for (const float value : solve(cost, 0.5f, pairs, potential)) CHECK(std::isnan(value));

    Pairs bad = pairs;
    bad.y[20 * 4 + 1] = kNan;
    const std::vector<float> answer = solve(cost, 0.5f, bad, std::vector<float>(200, 0.0f));
    for (size_t j = 0; j < 35; ++j) CHECK(std::isnan(answer[j]) == (j == 20));
  }
}

TEST_CASE("soft_c_transform has the same bits on any number of threads", "[soft_c_transform]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Pairs& shape : {Pairs{1003, 5, 97}, {3, 1003, 97}, {301, 303, 47}})
    for (const Cost& cost : sample_costs()) {
      const Pairs pairs = random_pairs(source, shape);
      const std::vector<float> potential = random_normals(source, pairs.m);
      INFO(cost_name(cost) << " " << pairs.text());
      CpuStream alone(1);
      const std::vector<float> one = solve(alone, cost, 3, pairs, potential);
      for (const int threads : {2, 3, 5}) {
        CpuStream together(threads);
        CHECK(solve(together, cost, 3, pairs, potential) == one);
      }
    }
}

TEST_CASE("soft_c_transform refuses what does not fit", "[soft_c_transform]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    float* const p = memory.data();
    const auto call = [&](float epsilon, Matrix<const float> x, Vector<const float> phi, Matrix<const float> y,
                          Vector<float> out) {
      soft_c_transform(stream, LqCost{1, 1}, epsilon, x, phi, y, out);
    };
    CHECK_NOTHROW(call(1, {p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 4}));
    CHECK_THROWS_AS(call(1, {p, 0, 3}, {p, 0}, {p, 4, 3}, {p, 4}), ShapeError);
    CHECK_THROWS_AS(call(1, {p, 2, 3}, {p, 2}, {p, 4, 5}, {p, 4}), ShapeError);
    CHECK_THROWS_AS(call(1, {p, 2, 3}, {p, 7}, {p, 4, 3}, {p, 4}), ShapeError);
    CHECK_THROWS_AS(call(1, {p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 6}), ShapeError);
    for (const float epsilon : {0.0f, -1.0f, kNan, kInfinity})
      CHECK_THROWS_AS(call(epsilon, {p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 4}), UsageError);
    CHECK_THROWS_WITH(call(-1, {p, 2, 3}, {p, 2}, {p, 4, 3}, {p, 4}), Catch::Contains("-1"));
  });
}
