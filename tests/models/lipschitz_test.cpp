#include "models/lipschitz.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/optimizer.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/wgan.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

using models::LipschitzMlp;
using models::Network;

constexpr double kLittleMore = 1e-3;

/// The largest singular value of a matrix, by power iteration in double.
double largest_singular_value(const Tensor& matrix) {
  const int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  const std::vector<float> w = matrix.to_host();
  std::vector<double> v(static_cast<size_t>(columns));
  for (int64_t j = 0; j < columns; ++j) v[j] = std::cos(double(j * j + 1));  // of no particular direction
  double length = 0;
  for (int i = 0; i < 100; ++i) {
    std::vector<double> above(static_cast<size_t>(rows)), next(static_cast<size_t>(columns));
    double square = 0;
    for (int64_t k = 0; k < rows; ++k)
      for (int64_t j = 0; j < columns; ++j) above[k] += w[k * columns + j] * v[j];
    for (int64_t k = 0; k < rows; ++k)
      for (int64_t j = 0; j < columns; ++j) next[j] += w[k * columns + j] * above[k];
    for (const double value : next) square += value * value;
    length = std::sqrt(square);
    for (int64_t j = 0; j < columns; ++j) v[j] = next[j] / length;
  }
  return std::sqrt(length);
}

/// Every layer's, as the network uses them, and its Lipschitz constant over pairs of points near and far apart.
void require_lipschitz(const Network& critic, const LipschitzMlp& sizes, Random& random) {
  for (const auto& [name, weight] : critic.parameters().named()) {
    if (!name.ends_with(".weight")) continue;
    const double largest = largest_singular_value(models::orthonormalised(weight.detach(), sizes.rule));
    INFO("the largest singular value of " << name << " is " << largest);
    REQUIRE(largest <= 1 + kLittleMore);
    REQUIRE(largest >= 1 - kLittleMore);
  }
  for (const float apart : {0.1f, 1.0f, 10.0f}) {
    const Tensor x = random.normal({100, sizes.inputs}) * 3.0f, way = random.normal(x.shape()) * apart;
    const auto at_x = critic(x).to_host(), at_y = critic(x + way).to_host(), ways = way.to_host();
    for (size_t i = 0; i < at_x.size(); ++i) {
      double square = 0;
      for (int64_t k = 0; k < sizes.inputs; ++k) square += std::pow(ways[i * sizes.inputs + k], 2);
      // Values of up to a few dozen have been rounded.
      REQUIRE(std::abs(at_x[i] - at_y[i]) <= sizes.lipschitz * (std::sqrt(square) * (1 + kLittleMore) + 1e-5));
    }
  }
}

/// mean D(x) - mean D(y) after so many steps of Adam, between two points, which is their distance at best.
double learnt_distance(Network& critic, const std::vector<float>& x, const std::vector<float>& y, float rate,
                       int steps) {
  const auto point = [&](const std::vector<float>& values) {
    return Tensor::from_host(test_device(), {1, static_cast<int64_t>(values.size())}, values);
  };
  Adam adam(critic.parameters(), {.rate = rate, .beta1 = 0.5f});
  const auto loss = [&] { return losses::wgan_critic_loss(critic, point(x), point(y)); };
  for (int step = 0; step < steps; ++step) adam.descend(grad(loss(), critic.parameters()));
  return -loss().item();
}

}  // namespace

TEST_CASE("a Lipschitz network is so before training and after steps of any size", "[lipschitz]") {
  Random random(test_device(), 3);
  for (const LipschitzMlp& sizes : {LipschitzMlp{.width = 16},
                                    {.inputs = 5, .hidden_layers = 2, .width = 18, .group = 9, .lipschitz = 10},
                                    {.hidden_layers = 1, .width = 8, .group = 8, .rule = {.iterations = 12}}}) {
    INFO(sizes.hidden_layers << " hidden layers of " << sizes.width);
    Network critic = models::lipschitz_mlp(random, sizes);
    require_lipschitz(critic, sizes, random);
    std::vector<float> x(sizes.inputs, 1), y(sizes.inputs, -0.5f);
    for (const float rate : {0.1f, 10.0f}) {
      INFO("after steps of " << rate);
      learnt_distance(critic, x, y, rate, 5);
      require_lipschitz(critic, sizes, random);
    }
  }
}

TEST_CASE("a Lipschitz network learns the distance of two points, and its slope there", "[lipschitz]") {
  Random random(test_device(), 4);
  Network critic =
      models::lipschitz_mlp(random, {.hidden_layers = 2, .width = 16, .rule = {.iterations = 10}, .lipschitz = 2});
  const double distance = learnt_distance(critic, {1, 2}, {-2, -2}, 2e-2f, 80);
  CHECK(distance <= 2 * 5 * (1 + kLittleMore));
  CHECK(distance >= 2 * 5 * 0.99);
  const Tensor between = Tensor::from_host(test_device(), {3, 2}, std::vector<float>{0.4f, 1.2f, -0.5f, 0, -1.4f, -1});
  for (const float slope : losses::slopes(critic, between).to_host()) CHECK(slope == Approx(2).epsilon(0.01));
}

TEST_CASE("the paper's sizes start orthonormal", "[lipschitz]") {
  Random random(test_device(), 3);
  const Network critic = models::lipschitz_mlp(random);
  CHECK(critic.parameters().count() == 3 * 128 + 2 * 129 * 128 + 129);
  for (const auto& [name, weight] : critic.parameters().named())
    if (name.ends_with(".weight")) CHECK(largest_singular_value(weight.detach()) == Approx(1).epsilon(1e-4));
}

TEST_CASE("a Lipschitz network needs groups that divide its width", "[lipschitz]") {
  Random random(test_device(), 3);
  CHECK_NOTHROW(models::lipschitz_mlp(random, {.hidden_layers = 0}));
  CHECK_THROWS_AS(models::lipschitz_mlp(random, {.hidden_layers = -1}), UsageError);
  CHECK_THROWS_AS(models::lipschitz_mlp(random, {.width = 9, .group = 2}), UsageError);
  CHECK_THROWS_AS(models::lipschitz_mlp(random, {.group = -2}), UsageError);
}

}  // namespace wasserkern::testing
