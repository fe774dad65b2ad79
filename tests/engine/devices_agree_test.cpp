#include <catch2/catch.hpp>

#include "tests/device.h"
#include "tests/narrow_training.h"

namespace wasserkern::testing {

TEST_CASE("50 training steps agree between cpu and cuda", "[devices]") {
  if (!on_cuda()) return;  // the CPU alone has nothing to be compared with
  Device cpu({.name = "cpu", .threads = 2});
  for (const LqCost cost : {LqCost{1, 1}, LqCost{2, 2}}) {
    NarrowTraining here(test_device(), {.cost = cost, .rate = 1e-4f}), there(cpu, {.cost = cost, .rate = 1e-4f});
    CHECK(here.weights() == there.weights());
    for (int step = 0; step < 50; ++step) {
      here.step();
      there.step();
      REQUIRE(here.last_noise() == there.last_noise());
      REQUIRE(here.last_images() == there.last_images());
    }
    const auto losses = here.losses(), expected = there.losses();
    REQUIRE(losses.size() == 50);
    for (size_t step = 0; step < 50; ++step) {
      INFO("step " << step + 1);
      CHECK(losses[step] == Approx(expected[step]).epsilon(1e-3));
    }
  }
}

}  // namespace wasserkern::testing
