#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <utility>
#include <vector>

#include "losses/transport/exact.h"
#include "tests/device.h"

using namespace wasserkern;
using namespace wasserkern::losses;
using namespace wasserkern::testing;

// Paper 004, theorem 5.3.1, after Bellemare et al. 2017: the expected distance W1(p*_n, p_theta) of a sample of n coin
// flips, by transport for each of the 2^n samples there are.

namespace {

constexpr LqCost kCost{.q = 1, .p = 1};

struct Coin {
  double value;     // W1(p*_n, p_theta)
  double gradient;  // its derivative in theta
};

/// Between the flips that are the bits of `sample`, each with mass 1 / count, and 0 and 1 with masses 1 - theta, theta.
Coin distance(uint32_t sample, int count, double theta) {
  std::vector<float> flips;
  for (int i = 0; i < count; ++i) flips.push_back(static_cast<float>(sample >> i & 1));
  const Measure source{Tensor::from_host(test_device(), {count, 1}, flips), {}};
  const Measure target{Tensor::from_host(test_device(), {2, 1}, std::vector<float>{0, 1}), {1 - theta, theta}};
  const ExactTransport transport = exact_transport(kCost, source, target);
  CAPTURE(sample, theta);
  CHECK(transport.certified);
  // Mass moves from 0 to 1 as theta grows.
  return {transport.primal, transport.target_potential[1] - transport.target_potential[0]};
}

/// The expectation over all samples of `count` flips, each 1 with probability `truth`.
Coin expected(int count, double truth, double theta) {
  Coin sum{0, 0};
  for (uint32_t sample = 0; sample < 1u << count; ++sample) {
    const int ones = std::popcount(sample);
    const double share = static_cast<double>(ones) / count;
    const Coin one = distance(sample, count, theta);
    CHECK(one.value == Approx(std::abs(share - theta)).margin(1e-9));
    const bool has_gradient = share != theta && theta > 0 && theta < 1;
    if (has_gradient) CHECK(one.gradient == Approx(theta > share ? 1 : -1));
    const double probability = std::pow(truth, ones) * std::pow(1 - truth, count - ones);
    sum.value += probability * one.value;
    sum.gradient += probability * one.gradient;
  }
  return sum;
}

}  // namespace

TEST_CASE("the expected batch distance to a coin is least at the samples' median, another coin",
          "[transport][theory]") {
  const double truth = 0.6;
  const auto [count, wrong] = GENERATE(std::pair(1, 1.0), std::pair(2, 0.5), std::pair(4, 0.5));
  CAPTURE(count);
  const Coin there = expected(count, truth, truth), at_minimum = expected(count, truth, wrong);
  CHECK(at_minimum.value < there.value - 0.004);
  for (int i = 0; i <= 20; ++i) {
    const double theta = i / 20.0;
    CHECK(at_minimum.value <= expected(count, truth, theta).value + 1e-9);
  }
}

TEST_CASE("the gradient of the batch distance has a bias that does not vanish with n", "[transport][theory]") {
  const int count = GENERATE(range(1, 7));
  CAPTURE(count);
  // Only samples of nothing but ones lie above theta, and theta below the truth, where the gradient is -1.
  const double truth = 1 - 0.5 / count, theta = 1 - 0.75 / count;
  const double bias = expected(count, truth, theta).gradient - (-1);
  CHECK(bias == Approx(2 * (1 - std::pow(truth, count))));
  CHECK(bias >= 2 * std::exp(-2));
}
