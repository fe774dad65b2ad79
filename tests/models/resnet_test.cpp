#include "models/resnet.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/gradient_penalty.h"
#include "tests/device.h"

namespace wasserkern::testing {

using models::ResidualCritic;

TEST_CASE("a residual critic halves images to 8 x 8", "[resnet]") {
  Random random(test_device(), 3);
  const auto filters = [](int64_t filter, int64_t inputs) { return 5 * (filter * filter * inputs + 1); };
  for (const auto& [side, halvings] : {std::pair<int64_t, int64_t>{8, 0}, {16, 1}, {64, 3}}) {
    const ResidualCritic critic(random, {.side = side, .width = 5});
    CHECK(critic.parameters().count() ==
          filters(3, 3) + halvings * (filters(3, 5) + filters(4, 5) + filters(2, 5)) + 4 * filters(3, 5) + 64 * 5 + 1);
    CHECK(critic.statistics().count() == 0);
    CHECK(critic(random.normal({3, side, side, 3})).shape() == Shape{3, 1});
    CHECK(critic(random.normal({2, side * side * 3})).shape() == Shape{2, 1});
  }
}

TEST_CASE("a residual critic's derivatives are its differences", "[resnet]") {
  Random random(test_device(), 5);
  const ResidualCritic critic(random, {.side = 16, .width = 4});
  const Tensor x = random.normal({2, 16, 16, 3}), flat = critic.parameters().flat();
  const Tensor start = affine(flat.detach(), 1, 0);
  // Along one direction through all parameters; the step is short, since there is a kink every few thousandths.
  const Tensor way = random.normal(flat.shape());
  const auto value_at = [&](float step) {
    flat.overwrite(start + way * step);
    return double(sum(critic(x)).item());
  };
  constexpr float kStep = 1e-4f;
  const double difference = (value_at(kStep) - value_at(-kStep)) / (2 * kStep);
  flat.overwrite(start);
  CHECK(double(sum(grad(sum(critic(x)), critic.parameters()) * way).item()) == Approx(difference).epsilon(0.01));

  // s times the last weights make slopes s times as steep: the penalty's derivative in s is mean 2 (g - 1) g.
  grad(losses::GradientPenalty{}(critic, x), critic.parameters());
  const Tensor last = critic.parameters()["last.weight"];
  const auto gradient = critic.parameters().flat_gradient().to_host(), weights = last.to_host();
  const auto offset = static_cast<size_t>(last.data() - flat.data());
  double along = 0, expected = 0;
  for (size_t k = 0; k < weights.size(); ++k) along += double(gradient[offset + k]) * weights[k];
  for (const double slope : losses::slopes(critic, x).to_host()) expected += 2 * (slope - 1) * slope / 2;
  CHECK(along == Approx(expected).epsilon(1e-4));
}

TEST_CASE("images that a residual critic cannot halve are refused", "[resnet]") {
  Random random(test_device(), 3);
  for (const auto& [side, width] : {std::pair<int64_t, int64_t>{4, 8}, {24, 8}, {0, 8}, {32, 0}})
    CHECK_THROWS_AS(ResidualCritic(random, {.side = side, .width = width}), UsageError);
}

}  // namespace wasserkern::testing
