#pragma once

#include <chrono>
#include <cstdint>

#include "bench/harness/metrics_file.h"
#include "bench/harness/progress.h"
#include "engine/metrics.h"

namespace wasserkern::bench {

/// Brings what a device records into a run's metrics file, without stopping the device.
class MetricsRecorder {
 public:
  /// See MetricsFile for `last_step`.
  MetricsRecorder(Metrics& metrics, const std::filesystem::path& path, uint64_t last_step, bool json_lines);

  /// After every step: asks for values and takes what has arrived, now and then.
  void after_step();
  /// Waits for all steps so far; when it returns their rows outlive a power failure.
  void finish();

  const Values& latest() const { return latest_; }

 private:
  using Clock = std::chrono::steady_clock;
  void request();
  void take(bool wait);

  Metrics& metrics_;
  MetricsFile file_;
  Values latest_;
  bool requested_ = false;
  int64_t steps_since_request_ = 0;
  Clock::time_point request_time_ = Clock::now();
};

}  // namespace wasserkern::bench
