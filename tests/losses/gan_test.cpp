#include "losses/objectives/gan.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/tape.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

/// ln sigma(t), by the formula that keeps its digits on its side of 0.
double log_sigmoid(double t) { return t < 0 ? t - std::log1p(std::exp(t)) : -std::log1p(std::exp(-t)); }
double sigmoid(double t) { return 1 / (1 + std::exp(-t)); }

Tensor column(const std::vector<float>& values) {
  Tensor tensor = Tensor::from_host(test_device(), {static_cast<int64_t>(values.size()), 1}, values);
  tensor.require_gradient();
  return tensor;
}

}  // namespace

TEST_CASE("the GAN's losses are the formulas, also where the critic is sure", "[gan]") {
  const std::vector<float> real = {0, 1.5f, -2.5f, 30, -120}, fake = {0.25f, -3, 200, -45};
  const double reals = 5, fakes = 4;
  const Tensor x = column(real), y = column(fake);
  Tensor scale = Tensor::full(test_device(), {1}, 1);
  scale.require_gradient();
  const losses::Critic critic = [&](const Tensor& points) { return points * scale; };

  double critic_loss = 0, critic_slope = 0, minimax = 0, non_saturating = 0;
  for (const double t : real) {
    critic_loss -= log_sigmoid(t) / reals;
    critic_slope -= sigmoid(-t) * t / reals;
  }
  for (const double t : fake) {
    critic_loss -= log_sigmoid(-t) / fakes;
    critic_slope += sigmoid(t) * t / fakes;
    minimax += log_sigmoid(-t) / fakes;
    non_saturating -= log_sigmoid(t) / fakes;
  }

  const Tensor loss = losses::gan_critic_loss(critic, x, y);
  CHECK(loss.item() == Approx(critic_loss).epsilon(1e-5));
  CHECK(grad(loss, scale).item() == Approx(critic_slope).epsilon(1e-5));
  CHECK_FALSE(grad(loss, x).defined());
  CHECK_FALSE(grad(loss, y).defined());

  const Tensor against = losses::gan_minimax_loss(critic, y), along = losses::gan_non_saturating_loss(critic, y);
  CHECK(against.item() == Approx(minimax).epsilon(1e-5));
  CHECK(along.item() == Approx(non_saturating).epsilon(1e-5));
  const auto pull_against = grad(against, y).to_host(), pull_along = grad(along, y).to_host();
  for (size_t j = 0; j < fake.size(); ++j) {
    CHECK(pull_against[j] == Approx(-sigmoid(fake[j]) / fakes).margin(1e-6));
    CHECK(pull_along[j] == Approx(-sigmoid(-fake[j]) / fakes).margin(1e-6));
  }
  // Where the critic is sure that a point is not real, only the second still pulls.
  CHECK(std::abs(pull_against[3]) < 1e-6f);
  CHECK(pull_along[3] == Approx(-1 / fakes));
}

}  // namespace wasserkern::testing
