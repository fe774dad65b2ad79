#include "engine/phases.h"

#include <catch2/catch.hpp>
#include <set>

#include "engine/metrics.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "tests/allocations.h"
#include "tests/cuda_calls.h"
#include "tests/device.h"
#include "tests/narrow_training.h"

namespace wasserkern::testing {
TEST_CASE("replayed steps equal eager steps bit for bit, and none allocates or waits", "[phases]") {
  constexpr int kAhead = 2;  // steps that the host is ahead at most: where uploads fill their ring it does wait
  for (const Game game : {Game::QpWgan, Game::Mixture, Game::WganGp, Game::Dcgan, Game::Wwgan, Game::Lipschitz}) {
    INFO("game " << static_cast<int>(game));
    const bool is_slow = game == Game::Dcgan || game == Game::Wwgan || game == Game::Lipschitz;
    const int steps = is_slow ? 8 : 100;
    NarrowOptions options{.eager = true, .game = game, .batch = is_slow ? 4 : 8};
    NarrowTraining eager(test_device(), options);
    options.eager = false;
    NarrowTraining replayed(test_device(), options);
    CudaCalls calls;
    for (int step = 0; step < steps; step += kAhead) {
      test_device().synchronize();
      const CudaCalls before = cuda_calls();
      for (NarrowTraining* training : {&eager, &replayed}) {
        for (int ahead = 0; ahead < kAhead; ++ahead) training->step();
        training->look();
      }
      if (step > 0) calls += cuda_calls() - before;
    }
    CHECK(calls.allocations == 0);
    CHECK(calls.waits == 0);
    CHECK(calls.graph_launches == (on_cuda() ? (steps - kAhead) * replayed.phases() : 0));
    CHECK(eager.weights() == replayed.weights());
    const auto losses = eager.losses();
    CHECK(losses == replayed.losses());
    CHECK(losses.size() == static_cast<size_t>(steps));
    CHECK(std::set(losses.begin(), losses.end()).size() >
          static_cast<size_t>(steps) * 9 / 10);  // it trains: every step differs
  }
}

TEST_CASE("no memory is asked for after the second step", "[phases]") {
  for (const Game game : {Game::QpWgan, Game::Dcgan, Game::Wwgan, Game::Lipschitz}) {
    INFO("game " << static_cast<int>(game));
    NarrowTraining training(test_device(), {.eager = false, .game = game, .batch = 4});
    training.step();
    training.step();
    test_device().synchronize();
    const int64_t growths = test_device().memory_growths();
    const int64_t allocations = large_allocations();
    for (int step = 0; step < 6; ++step) training.step();
    test_device().synchronize();
    CHECK(test_device().memory_growths() == growths);
    if (!on_cuda()) CHECK(large_allocations() == allocations);  // an emulated driver allocates for itself
  }
}

TEST_CASE("an eager run finds all its memory in the pool", "[phases]") {
  NarrowTraining training(test_device(), {.eager = true});
  for (int step = 0; step < 3; ++step) training.step();
  const int64_t growths = test_device().memory_growths();
  for (int step = 0; step < 5; ++step) training.step();
  CHECK(test_device().memory_growths() == growths);
}

TEST_CASE("inside a phase the host may neither look nor write", "[phases]") {
  Random random(test_device(), 1);
  Phases phases(test_device(), random, false);
  const Tensor x = Tensor::full(test_device(), {2}, 1);
  CHECK_THROWS_WITH(phases.run("look", [&] { x.to_host(); }), Catch::Contains("look") && Catch::Contains("reading"));
  CHECK_THROWS_WITH(phases.run("write", [&] { x.copy_from_host(std::vector<float>{1, 2}); }), Catch::Contains("host"));
  CHECK_THROWS_WITH(phases.run("outer", [&] { phases.run("inner", [] {}); }), Catch::Contains("outer"));
  CHECK(x.to_host() == std::vector<float>{1, 1});  // and afterwards all is as before
}

TEST_CASE("a phase that throws while it is recorded can be repaired", "[phases]") {
  Random random(test_device(), 1);
  Phases phases(test_device(), random, false);
  const Tensor total = Tensor::full(test_device(), {1}, 0);
  bool broken = false;
  const auto body = [&] {
    total.overwrite(total + 1.0f);
    if (broken) throw Error("broken");
  };
  phases.run("count", body);
  broken = true;
  CHECK_THROWS_WITH(phases.run("count", body), "broken");
  broken = false;
  total.copy_from_host(std::vector<float>{10});
  phases.run("count", body);
  phases.run("count", body);
  CHECK(total.item() == 12);
}

TEST_CASE("recordings are keyed by the rows in use of the slots", "[phases]") {
  Random random(test_device(), 1);
  Phases phases(test_device(), random, false);
  const Tensor x = phases.slot({4, 2});
  const Tensor total = Tensor::full(test_device(), {}, 0);
  for (const int64_t rows : {4, 3, 4, 3, 4, 3, 1}) {
    x.use_rows(rows);
    x.copy_from_host(std::vector<float>(static_cast<size_t>(rows * 2), 1));
    phases.run("sum", [&] { total.overwrite(sum(x)); });
    CHECK(total.item() == static_cast<float>(2 * rows));
  }
  CHECK_THROWS_AS(x.use_rows(5), ShapeError);
}

TEST_CASE("random numbers move with the phase calls, and a call can be repeated", "[phases]") {
  Random random(test_device(), 5);
  Phases phases(test_device(), random, false);
  const Tensor noise = Tensor::full(test_device(), {8}, 0);
  std::vector<std::vector<float>> drawn;
  for (int call = 0; call < 5; ++call) {
    phases.run("draw", [&] { noise.overwrite(random.normal({8})); });
    drawn.push_back(noise.to_host());
  }
  CHECK(std::set(drawn.begin(), drawn.end()).size() == 5);
  phases.set_calls(2);
  phases.run("draw", [&] { noise.overwrite(random.normal({8})); });
  CHECK(noise.to_host() == drawn[2]);
}

TEST_CASE("what escapes a phase keeps its address once recorded", "[phases]") {
  Random random(test_device(), 5);
  Phases phases(test_device(), random, false);
  Tensor escaped;
  const Tensor counter = Tensor::full(test_device(), {1}, 0);
  for (int call = 1; call <= 5; ++call) {
    phases.run("escape", [&] {
      counter.overwrite(counter + 1.0f);
      escaped = counter * 2.0f;
    });
    CHECK(escaped.item() == static_cast<float>(2 * call));
  }
}

}  // namespace wasserkern::testing
