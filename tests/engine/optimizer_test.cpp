#include "engine/optimizer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "engine/checkpoint.h"
#include "engine/phases.h"
#include "engine/random.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

/// Steps on f(w) = sum of w^4 / 4 with a given optimizer; its gradient is w^3.
template <class Optimizer>
void descend_quartic(Optimizer& optimizer, const Parameters& parameters, int steps) {
  for (int step = 0; step < steps; ++step) {
    auto gradient = parameters.flat().to_host();
    for (float& g : gradient) g = g * g * g;
    optimizer.descend(Tensor::from_host(test_device(), parameters.flat().shape(), gradient));
  }
}

Parameters start() {
  Parameters parameters(test_device(), {{"w", {3}}});
  parameters["w"].copy_from_host(std::vector<float>{1, -2, 0.5f});
  return parameters;
}

}  // namespace

TEST_CASE("Adam follows its recurrence", "[optimizer]") {
  const Parameters parameters = start();
  Adam adam(parameters, {.rate = 0.1f, .beta1 = 0.5f, .beta2 = 0.9f});
  descend_quartic(adam, parameters, 20);
  const auto got = parameters["w"].to_host();
  const double initial[] = {1, -2, 0.5};
  for (size_t i = 0; i < 3; ++i) {
    double w = initial[i], m = 0, v = 0;
    for (int t = 1; t <= 20; ++t) {
      const double g = w * w * w;
      m = 0.5 * m + 0.5 * g;
      v = 0.9 * v + 0.1 * g * g;
      w -= 0.1 * (m / (1 - std::pow(0.5, t))) / (std::sqrt(v / (1 - std::pow(0.9, t))) + 1e-8);
    }
    CHECK(got[i] == Approx(w).margin(1e-5));
  }
}

TEST_CASE("RMSProp follows its recurrence", "[optimizer]") {
  const Parameters parameters = start();
  RmsProp rmsprop(parameters, {.rate = 0.01f, .decay = 0.9f});
  descend_quartic(rmsprop, parameters, 20);
  const auto got = parameters["w"].to_host();
  const double initial[] = {1, -2, 0.5};
  for (size_t i = 0; i < 3; ++i) {
    double w = initial[i], s = 0;
    for (int t = 1; t <= 20; ++t) {
      const double g = w * w * w;
      s = 0.9 * s + 0.1 * g * g;
      w -= 0.01 * g / (std::sqrt(s) + 1e-8);
    }
    CHECK(got[i] == Approx(w).margin(1e-5));
  }
}

TEST_CASE("an optimizer continues from a checkpoint as if nothing had happened", "[optimizer][checkpoint]") {
  const auto path = (std::filesystem::temp_directory_path() / "wasserkern_optimizer_test.safetensors").string();
  const Parameters whole = start();
  Adam whole_adam(whole, {.rate = 0.1f});
  descend_quartic(whole_adam, whole, 10);

  const Parameters first = start();
  Adam first_adam(first, {.rate = 0.1f});
  descend_quartic(first_adam, first, 4);
  Checkpoint written;
  written.visit("net", first);
  first_adam.visit(written, "adam");
  written.set_note("seed", "5");
  uint64_t position = 77;
  written.visit("position", position);
  written.commit(path);

  Parameters second(test_device(), {{"w", {3}}});
  Adam second_adam(second, {.rate = 0.1f});
  Checkpoint read(path);
  read.visit("net", second);
  second_adam.visit(read, "adam");
  position = 0;
  read.visit("position", position);
  CHECK(position == 77);
  CHECK(read.note("seed") == "5");
  CHECK(read.note("nothing").empty());
  descend_quartic(second_adam, second, 6);
  CHECK(second["w"].to_host() == whole["w"].to_host());

  Parameters other(test_device(), {{"w", {4}}});
  CHECK_THROWS_AS(read.visit("net", other), DataError);
  CHECK_THROWS_AS(read.visit("missing", position), DataError);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(Checkpoint(path), DataError);
}

TEST_CASE("weights are clipped, and nothing else", "[optimizer]") {
  Random random(test_device(), 1);
  Phases phases(test_device(), random, false);
  const Parameters parameters = start(), other = start();
  const uint64_t version = parameters.flat().version();
  for (int call = 0; call < 3; ++call) {  // eager, recorded, replayed
    parameters["w"].copy_from_host(std::vector<float>{1, -2, 0.5f});
    phases.run("clip", [&] { clip_weights(parameters, 0.75f); });
    CHECK(parameters["w"].to_host() == std::vector<float>{0.75f, -0.75f, 0.5f});
  }
  CHECK(parameters.flat().version() > version);
  CHECK(other["w"].to_host() == std::vector<float>{1, -2, 0.5f});
  CHECK_THROWS_AS(clip_weights(parameters, 0), UsageError);
  CHECK_THROWS_AS(clip_weights(parameters, NAN), UsageError);
}

TEST_CASE("rates change between steps and nonsense is refused", "[optimizer]") {
  const Parameters parameters = start();
  Adam adam(parameters, {.rate = 0.1f});
  adam.set_rate(0);
  descend_quartic(adam, parameters, 3);
  CHECK(parameters["w"].to_host() == std::vector<float>{1, -2, 0.5f});
  CHECK_THROWS_AS(Adam(parameters, {.rate = -1}), UsageError);
  CHECK_THROWS_AS(Adam(parameters, {.rate = NAN}), UsageError);
  CHECK_THROWS_AS(Adam(parameters, {.beta1 = 1}), UsageError);
  CHECK_THROWS_AS(RmsProp(parameters, {.decay = 2}), UsageError);
}

}  // namespace wasserkern::testing
