#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <utility>

#include "tests/device.h"
#include "tests/narrow_training.h"

namespace wasserkern::testing {

TEST_CASE("training steps agree between cpu and cuda", "[devices]") {
  if (!on_cuda()) return;  // the CPU alone has nothing to be compared with
  Device cpu({.name = "cpu", .threads = 2});
  const std::pair<NarrowOptions, size_t> trainings[] = {
      {{.cost = LqCost{1, 1}, .rate = 1e-4f}, 50},
      {{.cost = LqCost{2, 2}, .rate = 1e-4f}, 50},
      {{.game = Game::Dcgan, .cost = LqCost{2, 2}, .rate = 1e-4f}, 10},
      {{.game = Game::Wwgan, .rate = 1e-4f}, 10}};
  for (const auto& [options, steps] : trainings) {
    INFO("game " << static_cast<int>(options.game));
    NarrowTraining here(test_device(), options), there(cpu, options);
    CHECK(here.weights() == there.weights());
    for (size_t step = 0; step < steps; ++step) {
      here.step();
      there.step();
      REQUIRE(here.last_noise() == there.last_noise());
      REQUIRE(here.last_batch() == there.last_batch());
    }
    const auto losses = here.losses(), expected = there.losses();
    REQUIRE(losses.size() == steps);
    // Of a column's largest value: a loss that passes through zero has no digits of its own there.
    for (size_t k = 0; k < expected.front().size(); ++k) {
      double largest = 0;
      for (const auto& row : expected) largest = std::max(largest, std::abs(double(row[k])));
      for (size_t step = 0; step < steps; ++step) {
        INFO("value " << k << " of step " << step + 1);
        REQUIRE(losses[step].size() == expected[step].size());
        CHECK(losses[step][k] == Approx(expected[step][k]).margin(1e-3 * largest).epsilon(0));
      }
    }
  }
}

}  // namespace wasserkern::testing
