#include <catch2/catch.hpp>

#include "tests/device.h"
#include "tests/narrow_training.h"

namespace wasserkern::testing {

TEST_CASE("50 training steps agree between cpu and cuda", "[devices]") {
  if (!on_cuda()) return;  // the CPU alone has nothing to be compared with
  Device cpu({.name = "cpu", .threads = 2});
  const NarrowOptions trainings[] = {{.cost = LqCost{1, 1}, .rate = 1e-4f}, {.cost = LqCost{2, 2}, .rate = 1e-4f}};
  for (const NarrowOptions& options : trainings) {
    NarrowTraining here(test_device(), options), there(cpu, options);
    CHECK(here.weights() == there.weights());
    for (int step = 0; step < 50; ++step) {
      here.step();
      there.step();
      REQUIRE(here.last_noise() == there.last_noise());
      REQUIRE(here.last_batch() == there.last_batch());
    }
    const auto losses = here.losses(), expected = there.losses();
    REQUIRE(losses.size() == 50);
    for (size_t step = 0; step < 50; ++step) {
      INFO("step " << step + 1);
      REQUIRE(losses[step].size() == expected[step].size());
      for (size_t k = 0; k < expected[step].size(); ++k)
        CHECK(losses[step][k] == Approx(expected[step][k]).epsilon(1e-3));
    }
  }
}

}  // namespace wasserkern::testing
