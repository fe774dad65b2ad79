#include "engine/exponential_average.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "engine/checkpoint.h"
#include "engine/ops/elementwise.h"
#include "engine/phases.h"
#include "engine/random.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

constexpr float kDecay = 0.9f;

Parameters network() { return {test_device(), {{"0.weight", {3, 7}}, {"0.bias", {3}}}}; }

/// A network that takes random steps, with its average.
struct Training {
  Random random{test_device(), 5};
  Phases phases;
  Parameters parameters = network(), averaged = network();
  ExponentialAverage average{parameters, averaged, kDecay};

  explicit Training(bool eager) : phases(test_device(), random, eager) {}
  void run(int steps) {
    for (int step = 0; step < steps; ++step)
      phases.run("step", [&] {
        for (const auto& [name, tensor] : parameters.named())
          tensor.overwrite(tensor.detach() + random.normal(tensor.shape()));
        average.update();
      });
  }
};

}  // namespace

TEST_CASE("an exponential average follows its recurrence", "[exponential_average]") {
  Training training(true);
  std::vector<double> expected(21, 0.0);
  for (int step = 0; step < 30; ++step) {
    training.run(1);
    const auto x = training.parameters["0.weight"].to_host();
    for (size_t i = 0; i < 21; ++i) expected[i] = double{kDecay} * expected[i] + (1 - double{kDecay}) * x[i];
  }
  const auto got = training.averaged["0.weight"].to_host();
  for (size_t i = 0; i < 21; ++i) CHECK(got[i] == Approx(expected[i]).margin(1e-5));  // 30 steps' roundings
}

TEST_CASE("an exponential average is the same when replayed and when resumed", "[exponential_average][checkpoint]") {
  const auto path = (std::filesystem::temp_directory_path() / "wasserkern_average_test.safetensors").string();
  Training eager(true), whole(false), first(false), second(false);
  eager.run(7);
  whole.run(7);
  CHECK(whole.averaged.flat().to_host() == eager.averaged.flat().to_host());
  CHECK(whole.averaged.flat().to_host() != whole.parameters.flat().to_host());

  first.run(4);
  Checkpoint written;
  written.visit("net", first.parameters);
  first.average.visit(written, "average");
  written.commit(path);
  Checkpoint read(path);
  read.visit("net", second.parameters);
  second.average.visit(read, "average");
  second.phases.set_calls(4);
  second.run(3);
  CHECK(second.averaged.flat().to_host() == whole.averaged.flat().to_host());
  std::filesystem::remove(path);
}

TEST_CASE("an exponential average starts at the parameters, and stays where they do", "[exponential_average]") {
  const Parameters parameters = network(), averaged = network();
  parameters["0.bias"].copy_from_host(std::vector<float>{0.1f, -3e-20f, 7e20f});
  ExponentialAverage average(parameters, averaged, 0.999f);
  const uint64_t version = averaged.flat().version();
  for (int step = 0; step < 10; ++step) average.update();
  CHECK(averaged["0.bias"].to_host() == parameters["0.bias"].to_host());
  CHECK(averaged.flat().version() > version);
}

TEST_CASE("an exponential average needs a second network of the same layers", "[exponential_average]") {
  const Parameters parameters = network(), averaged = network();
  CHECK_THROWS_AS(ExponentialAverage(parameters, averaged, 1), UsageError);
  CHECK_THROWS_AS(ExponentialAverage(parameters, averaged, NAN), UsageError);
  CHECK_THROWS_AS(ExponentialAverage(parameters, parameters, 0.5f), UsageError);
  Device& device = test_device();
  for (const Parameters& other :
       {Parameters(device, {{"0.weight", {3, 7}}}), Parameters(device, {{"0.weight", {7, 3}}, {"0.bias", {3}}}),
        Parameters(device, {{"1.weight", {3, 7}}, {"0.bias", {3}}})})
    CHECK_THROWS_AS(ExponentialAverage(parameters, other, 0.5f), UsageError);
}

}  // namespace wasserkern::testing
