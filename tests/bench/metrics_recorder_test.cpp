#include "bench/harness/metrics_recorder.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/device.h"
#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::bench;
using namespace wasserkern::testing;

TEST_CASE("every step has its row, in order, however many there are", "[metrics_recorder]") {
  const TemporaryFolder folder;
  Device& device = test_device();
  Metrics metrics(device);
  MetricsRecorder recorder(metrics, folder / "metrics.csv", 0, false);
  const uint64_t steps = 3 * Metrics::kSteps + 7;
  std::string expected = "step,double\n";
  const Tensor value = Tensor::full(device, {}, 0);
  for (uint64_t step = 1; step <= steps; ++step) {
    metrics.begin_step(step);
    value.copy_from_host(std::vector<float>{2 * static_cast<float>(step)});
    metrics.record("double", value);
    recorder.after_step();
    expected += std::to_string(step) + "," + std::to_string(2 * step) + "\n";
  }
  recorder.finish();
  CHECK(read_bytes(folder / "metrics.csv") == to_bytes(expected));
  CHECK(recorder.latest() == Values{{"double", 2 * static_cast<float>(steps)}});
}
