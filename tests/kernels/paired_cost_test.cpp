#include "kernels/paired_cost.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/kernels/cost_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Rows of x, y and direction, [n,d] with `gap` unused elements after every row, and scale [n].
struct Pairs {
  int64_t n, d, gap;
  std::vector<float> x, y, direction, scale;

  int64_t stride() const { return d + gap; }
  int64_t at(int64_t i, int64_t k = 0) const { return i * stride() + k; }
};

/// Pairs whose coordinates differ by 0.5 to 1.5, so that finite differences stay off the kinks.
Pairs random_pairs(std::mt19937_64& source, int64_t n, int64_t d, int64_t gap = 0) {
  const int64_t size = n * (d + gap);
  Pairs pairs{n, d, gap, random_normals(source, size), {}, random_normals(source, size), random_normals(source, n)};
  std::uniform_real_distribution<float> step(0.5f, 1.5f);
  for (float value : pairs.x) pairs.y.push_back(value + (source() % 2 ? 1 : -1) * step(source));
  for (auto* values : {&pairs.x, &pairs.y, &pairs.direction})
    for (int64_t at = 0; at < size; ++at)
      if (at % pairs.stride() >= d) (*values)[static_cast<size_t>(at)] = kNan;  // must not be read
  return pairs;
}

/// Value [n], gradient and Hessian product [n,d with gaps]; gaps of the answer hold -777.
struct Answer {
  std::vector<float> value, gradient, hessian;
};

Answer solve(const Cost& cost, const Pairs& pairs) {
  Answer answer;
  with_stream([&](auto& stream) {
    const OnStream x(stream, pairs.x), y(stream, pairs.y), direction(stream, pairs.direction),
        scale(stream, pairs.scale);
    const std::vector<float> untouched(pairs.x.size(), -777);
    const OnStream value(stream, std::vector<float>(pairs.scale.size(), -777));
    const OnStream gradient(stream, untouched), hessian(stream, untouched);
    const auto matrix = [&](const auto& memory) {
      return Matrix<float>{memory.data(), pairs.n, pairs.d, pairs.stride()};
    };
    paired_cost(stream, cost, matrix(x), matrix(y), value.vector());
    paired_cost_gradient(stream, cost, matrix(x), matrix(y), scale.vector(), matrix(gradient));
    paired_cost_hessian(stream, cost, matrix(x), matrix(y), scale.vector(), matrix(direction), matrix(hessian));
    answer = {value.host(), gradient.host(), hessian.host()};
  });
  return answer;
}

/// The derivative of LqCost in closed form, from differences t; finite differences lose their digits at small d.
std::vector<double> exact_gradient(const LqCost& cost, const std::vector<double>& t) {
  double sum = 0;
  for (double difference : t) sum += std::pow(std::abs(difference), double{cost.q});
  const double distance = std::pow(sum, 1 / double{cost.q});
  std::vector<double> gradient;
  for (double difference : t) {
    const double size = std::pow(std::abs(difference) / distance, cost.q - 1.0) * std::pow(distance, cost.p - 1.0);
    gradient.push_back(difference == 0 ? 0 : std::copysign(size, difference));
  }
  return gradient;
}

}  // namespace

TEST_CASE("paired costs and their derivatives agree with finite differences", "[paired_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Shape {
    int64_t n, d, gap;
  };
  for (const Shape shape : {Shape{1, 1, 0}, {3, 2, 0}, {5, 17, 2}, {2, 67, 0}, {17, 33, 1}})
    for (const Cost& cost : sample_costs()) {
      INFO(cost_name(cost) << " n=" << shape.n << " d=" << shape.d << " gap=" << shape.gap);
      const Pairs pairs = random_pairs(source, shape.n, shape.d, shape.gap);
      const Answer answer = solve(cost, pairs);
      for (int64_t i = 0; i < pairs.n; ++i) {
        const float* x = pairs.x.data() + pairs.at(i);
        const float* y = pairs.y.data() + pairs.at(i);
        const double value = reference_cost(cost, x, y, pairs.d);
        REQUIRE(answer.value[i] == Approx(value).epsilon(1e-5));
        const std::vector<double> gradient = reference_gradient(cost, x, y, pairs.d, 1e-5);
        const std::vector<double> hessian =
            reference_hessian(cost, x, y, pairs.direction.data() + pairs.at(i), pairs.d, 1e-3);
        // What one coordinate may be off by: rounding, and the differences' own error, of order step^2.
        const double curved = std::abs(pairs.scale[i]) * (1 + value);
        for (int64_t k = 0; k < pairs.d; ++k) {
          REQUIRE(answer.gradient[pairs.at(i, k)] ==
                  Approx(pairs.scale[i] * gradient[k]).epsilon(2e-5).margin(1e-6 * curved));
          REQUIRE(answer.hessian[pairs.at(i, k)] ==
                  Approx(pairs.scale[i] * hessian[k]).epsilon(1e-4).margin(2e-5 * curved));
        }
        for (int64_t k = pairs.d; k < pairs.stride() && i + 1 < pairs.n; ++k) {
          REQUIRE(answer.gradient[pairs.at(i, k)] == -777);
          REQUIRE(answer.hessian[pairs.at(i, k)] == -777);
        }
      }
    }
}

TEST_CASE("paired costs of random shapes do not depend on their stride", "[paired_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (int trial = 0; trial < 4; ++trial) {
    const int64_t n = random_size(source, 20), d = random_size(source, 300);
    const Pairs dense = random_pairs(source, n, d);
    for (const int64_t gap : {1, 4, 6}) {
      Pairs spaced{n, d, gap, {}, {}, {}, dense.scale};
      for (const auto member : {&Pairs::x, &Pairs::y, &Pairs::direction}) {
        spaced.*member = std::vector<float>(static_cast<size_t>(n * (d + gap)), kNan);
        for (int64_t i = 0; i < n; ++i)
          std::copy_n((dense.*member).begin() + i * d, d, (spaced.*member).begin() + spaced.at(i));
      }
      for (const Cost& cost : sample_costs()) {
        INFO(cost_name(cost) << " n=" << n << " d=" << d << " gap=" << gap);
        const Answer expected = solve(cost, dense), answer = solve(cost, spaced);
        REQUIRE(answer.value == expected.value);
        for (int64_t i = 0; i < n; ++i) {
          REQUIRE(std::equal(&expected.gradient[i * d], &expected.gradient[i * d] + d, &answer.gradient[spaced.at(i)]));
          REQUIRE(std::equal(&expected.hessian[i * d], &expected.hessian[i * d] + d, &answer.hessian[spaced.at(i)]));
          REQUIRE(expected.value[i] == Approx(reference_cost(cost, &dense.x[i * d], &dense.y[i * d], d)).epsilon(1e-5));
        }
      }
    }
  }
}

TEST_CASE("paired costs hold over the range of float", "[paired_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const int64_t d = 19;
  for (const LqCost cost : {LqCost{1, 1}, LqCost{1, 2}, LqCost{2, 1}, LqCost{2, 2}, LqCost{2, 1.5f}, LqCost{1.2f, 1.2f},
                            LqCost{1.2f, 1}, LqCost{3, 1}, LqCost{3, 5}, LqCost{8, 1}})
    for (float size = 1e-20f; size < 2e6f; size *= 10) {
      Pairs pairs{
          2,      d, 0, std::vector<float>(2 * d), random_normals(source, 2 * d, size), random_normals(source, 2 * d),
          {1, -2}};
      for (int64_t k = 0; k < d; k += 5) pairs.y[k] = 0;
      for (int64_t k = 0; k < d; ++k) std::swap(pairs.x[d + k], pairs.y[d + k]);
      const Answer answer = solve(cost, pairs);
      INFO(cost.name() << " size " << size);
      for (int64_t i = 0; i < 2; ++i) {
        std::vector<double> t;
        for (int64_t k = 0; k < d; ++k) t.push_back(double{pairs.y[i * d + k]} - double{pairs.x[i * d + k]});
        const double value = reference_cost(cost, pairs.x.data() + i * d, pairs.y.data() + i * d, d);
        const double least = std::numeric_limits<float>::min();  // below it relative precision is lost
        if (value < std::numeric_limits<float>::max())
          REQUIRE(answer.value[i] == Approx(value).epsilon(1e-5).margin(1e-5 * least));
        const std::vector<double> gradient = exact_gradient(cost, t);
        for (int64_t k = 0; k < d; ++k)
          REQUIRE(answer.gradient[i * d + k] ==
                  Approx(pairs.scale[i] * gradient[k]).epsilon(2e-5).margin(1e-5 * least));
      }
    }
}

TEST_CASE("a tiny distance between large coordinates is not lost", "[paired_cost]") {
  for (const LqCost cost : {LqCost{2, 1}, LqCost{1.2f, 1}, LqCost{3, 1}}) {
    INFO(cost.name());
    const Answer answer = solve(cost, {1, 2, 0, {1e30f, 0}, {1e30f, 1e-20f}, {0, 1}, {1}});
    CHECK(answer.value[0] == Approx(1e-20).epsilon(1e-5));
    CHECK(answer.gradient[0] == 0);
    CHECK(answer.gradient[1] == Approx(1).epsilon(1e-5));
  }
}

TEST_CASE("derivatives are 0 on the kinks", "[paired_cost]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Answer same = solve(cost, {1, 3, 0, {1, -2, 0}, {1, -2, 0}, {0, 0, 0}, {3}});
    CHECK(same.value[0] == 0);
    CHECK(same.gradient == std::vector<float>{0, 0, 0});
    CHECK(same.hessian == std::vector<float>{0, 0, 0});
    const Answer equal_coordinate = solve(cost, {1, 3, 0, {1, -2, 0}, {1, 5, 7}, {1, 0, 0}, {3}});
    CHECK(equal_coordinate.gradient[0] == 0);
    CHECK(equal_coordinate.gradient[1] > 0);
    CHECK(std::isfinite(equal_coordinate.hessian[0]));
  }
  // Off the kink of |t|^q, q < 2, the second derivative grows without bound; on it, it is 0 by convention.
  CHECK(solve(LqCost{1.2f, 1.2f}, {1, 2, 0, {0, 0}, {0, 1}, {1, 0}, {1}}).hessian[0] == 0);
  // A square is smooth everywhere: its Hessian is the identity, also at distance 0.
  CHECK(solve(LqCost{2, 2}, {1, 2, 0, {4, 4}, {4, 4}, {3, -5}, {2}}).hessian == std::vector<float>{6, -10});
}

TEST_CASE("NaN passes through paired costs", "[paired_cost]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const Answer answer = solve(cost, {2, 2, 0, {0, kNan, 0, 0}, {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1}});
    CHECK(std::isnan(answer.value[0]));
    CHECK(std::isnan(answer.gradient[1]));
    CHECK(!std::isnan(answer.value[1]));
    CHECK(!std::isnan(answer.gradient[3]));
  }
}

TEST_CASE("paired costs of no rows and of no columns", "[paired_cost]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    CHECK(solve(cost, {0, 5, 0, {}, {}, {}, {}}).value.empty());
    CHECK(solve(cost, {2, 0, 0, {}, {}, {}, {1, 1}}).value == std::vector<float>{0, 0});
  }
}

TEST_CASE("paired costs refuse shapes that do not fit", "[paired_cost]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    float* const p = memory.data();
    const Matrix<float> good{p, 2, 3}, rows{p, 5, 3}, columns{p, 2, 7};
    const Vector<float> two{p, 2}, four{p, 4};
    const LqCost cost{2, 2};
    for (const Matrix<float>& bad : {rows, columns}) {
      CHECK_THROWS_AS(paired_cost(stream, cost, good, bad, two), ShapeError);
      CHECK_THROWS_AS(paired_cost_gradient(stream, cost, good, bad, two, good), ShapeError);
      CHECK_THROWS_AS(paired_cost_gradient(stream, cost, good, good, two, bad), ShapeError);
      CHECK_THROWS_AS(paired_cost_hessian(stream, cost, good, bad, two, good, good), ShapeError);
      CHECK_THROWS_AS(paired_cost_hessian(stream, cost, good, good, two, bad, good), ShapeError);
      CHECK_THROWS_AS(paired_cost_hessian(stream, cost, good, good, two, good, bad), ShapeError);
    }
    CHECK_THROWS_AS(paired_cost(stream, cost, good, good, four), ShapeError);
    CHECK_THROWS_AS(paired_cost_gradient(stream, cost, good, good, four, good), ShapeError);
    CHECK_THROWS_AS(paired_cost_hessian(stream, cost, good, good, four, good, good), ShapeError);
    CHECK_THROWS_WITH(paired_cost(stream, cost, good, rows, two), Catch::Contains("5") && Catch::Contains("2"));
    CHECK_THROWS_AS(paired_cost(stream, LqCost{1, 0}, good, good, two), UsageError);
  });
}
