#include "kernels/optimizer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kRate = 0.01f;
constexpr int kSteps = 6;

/// Every step rounds the parameter once and moves it by at most about the rate, computed in a dozen roundings.
void require_near(const std::vector<float>& values, const std::vector<double>& expected) {
  for (size_t i = 0; i < values.size(); ++i) {
    INFO("element " << i << " value " << values[i] << " expected " << expected[i]);
    REQUIRE(std::abs(values[i] - expected[i]) <= kSteps * 0x1p-24 * (std::abs(expected[i]) + 16 * kRate));
  }
}

}  // namespace

TEST_CASE("Adam follows its definition at every length and alignment", "[optimizer]") {
  const AdamRule rule{0.5f, 0.99f, 1e-8f};
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const int64_t size : {int64_t{0}, int64_t{1}, int64_t{4}, int64_t{7}, random_size(source, 5000)})
      for (const int64_t offset : {0, 1}) {
        const std::vector<float> start = random_normals(source, size + offset);
        std::vector<double> x(start.begin() + offset, start.end()), m(size), v(size);
        OnStream rate(stream, std::vector<float>{kRate});
        OnStream powers(stream, std::vector<double>{1, 1});
        OnStream first(stream, std::vector<float>(size + offset)), second(stream, std::vector<float>(size + offset));
        OnStream parameter(stream, start);
        const auto view = [&](auto& buffer) { return Vector<float>{buffer.data() + offset, size}; };
        double power1 = 1, power2 = 1;
        for (int t = 1; t <= kSteps; ++t) {
          const std::vector<float> g = random_normals(source, size + offset, t == 3 ? 1e-6f : 1.0f);
          OnStream gradient(stream, g);
          adam(stream, rule, rate.vector(), view(gradient), powers.vector(), view(first), view(second),
               view(parameter));
          power1 *= rule.beta1;
          power2 *= rule.beta2;
          for (int64_t i = 0; i < size; ++i) {
            const double slope = g[i + offset];
            m[i] = rule.beta1 * m[i] + (1 - static_cast<double>(rule.beta1)) * slope;
            v[i] = rule.beta2 * v[i] + (1 - static_cast<double>(rule.beta2)) * slope * slope;
            x[i] -= kRate * (m[i] / (1 - power1)) / (std::sqrt(v[i] / (1 - power2)) + rule.epsilon);
          }
        }
        INFO("size " << size << " offset " << offset);
        REQUIRE(powers.host() == std::vector<double>{power1, power2});
        std::vector<float> result = parameter.host();
        if (offset) REQUIRE(result.front() == start.front());
        require_near({result.begin() + offset, result.end()}, x);
      }
  });
}

TEST_CASE("RMSProp follows its definition at every length and alignment", "[optimizer]") {
  const RmsPropRule rule{0.9f, 1e-8f};
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const int64_t size : {int64_t{0}, int64_t{1}, int64_t{4}, int64_t{7}, random_size(source, 5000)})
      for (const int64_t offset : {0, 1}) {
        const std::vector<float> start = random_normals(source, size + offset);
        std::vector<double> x(start.begin() + offset, start.end()), s(size);
        OnStream rate(stream, std::vector<float>{kRate});
        OnStream square(stream, std::vector<float>(size + offset)), parameter(stream, start);
        const auto view = [&](auto& buffer) { return Vector<float>{buffer.data() + offset, size}; };
        for (int t = 1; t <= kSteps; ++t) {
          const std::vector<float> g = random_normals(source, size + offset);
          OnStream gradient(stream, g);
          rmsprop(stream, rule, rate.vector(), view(gradient), view(square), view(parameter));
          for (int64_t i = 0; i < size; ++i) {
            const double slope = g[i + offset];
            s[i] = rule.decay * s[i] + (1 - static_cast<double>(rule.decay)) * slope * slope;
            x[i] -= kRate * slope / (std::sqrt(s[i]) + rule.epsilon);
          }
        }
        INFO("size " << size << " offset " << offset);
        const std::vector<float> result = parameter.host();
        require_near({result.begin() + offset, result.end()}, x);
      }
  });
}

TEST_CASE("an exponential average takes its share at every length and alignment", "[optimizer]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const int64_t size : {int64_t{0}, int64_t{1}, int64_t{7}, random_size(source, 40000)})
      for (const int64_t offset : {0, 1}) {
        const std::vector<float> x = random_normals(source, size + offset),
                                 before = random_normals(source, size + offset);
        OnStream from(stream, x), to(stream, before);
        exponential_average(stream, 0.75f, {from.data() + offset, size}, {to.data() + offset, size});
        const std::vector<float> after = to.host();
        if (offset) REQUIRE(after[0] == before[0]);
        for (size_t i = offset; i < after.size(); ++i)
          REQUIRE(after[i] == Approx(0.75 * before[i] + 0.25 * x[i]).margin(1e-6));
      }
    OnStream two(stream, std::vector<float>(2)), three(stream, std::vector<float>(3));
    REQUIRE_THROWS_AS(exponential_average(stream, 0.5f, two.vector(), three.vector()), ShapeError);
  });
}

TEST_CASE("a zero gradient moves nothing", "[optimizer]") {
  with_stream([&](auto& stream) {
    OnStream rate(stream, std::vector<float>{kRate}), zero(stream, std::vector<float>(5));
    OnStream first(stream, std::vector<float>(5)), second(stream, std::vector<float>(5));
    OnStream powers(stream, std::vector<double>{1, 1});
    const std::vector<float> start = {1, -2, 3, -4, 5};
    OnStream parameter(stream, start);
    adam(stream, {}, rate.vector(), zero.vector(), powers.vector(), first.vector(), second.vector(),
         parameter.vector());
    rmsprop(stream, {}, rate.vector(), zero.vector(), second.vector(), parameter.vector());
    REQUIRE(parameter.host() == start);
  });
}

TEST_CASE("optimizers refuse buffers of other sizes", "[optimizer]") {
  with_stream([&](auto& stream) {
    OnStream two(stream, std::vector<double>(2)), one_double(stream, std::vector<double>(1));
    OnStream one(stream, std::vector<float>(1)), five(stream, std::vector<float>(5)),
        six(stream, std::vector<float>(6));
    const auto f = five.vector(), s = six.vector(), rate = one.vector();
    REQUIRE_THROWS_AS(adam(stream, {}, f, f, two.vector(), f, f, f), ShapeError);
    REQUIRE_THROWS_AS(adam(stream, {}, rate, f, one_double.vector(), f, f, f), ShapeError);
    REQUIRE_THROWS_AS(adam(stream, {}, rate, s, two.vector(), f, f, f), ShapeError);
    REQUIRE_THROWS_AS(adam(stream, {}, rate, f, two.vector(), s, f, f), ShapeError);
    REQUIRE_THROWS_AS(adam(stream, {}, rate, f, two.vector(), f, s, f), ShapeError);
    REQUIRE_THROWS_AS(rmsprop(stream, {}, f, f, f, f), ShapeError);
    REQUIRE_THROWS_AS(rmsprop(stream, {}, rate, s, f, f), ShapeError);
    REQUIRE_THROWS_AS(rmsprop(stream, {}, rate, f, s, f), ShapeError);
  });
}
