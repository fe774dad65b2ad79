#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/log.h"

namespace wasserkern::bench {

/// Names and latest values of what a run measures.
using Values = std::vector<std::pair<std::string, float>>;

/// "  1200/10000  12%  96.1 steps/s  1:32 left  distance 75.1"; a rate of 0 is not known yet. `unit` is what is
/// counted.
std::string progress_text(uint64_t step, uint64_t last_step, double steps_per_second, const Values& values,
                          const std::string& unit = "steps");

/// A number of seconds as m:ss or h:mm:ss.
std::string clock_text(double seconds);

/// Says how far a run is: a bar on a terminal, a line now and then elsewhere; both into the log file now and then.
class Progress {
 public:
  Progress(Log& log, uint64_t first_step, uint64_t last_step, std::string unit = "steps");

  /// Cheap; says something only when enough time has passed.
  void update(uint64_t step, const Values& values);
  /// Steps per second since the start.
  double mean_rate(uint64_t step) const;

 private:
  using Clock = std::chrono::steady_clock;

  Log& log_;
  uint64_t first_step_;
  uint64_t last_step_;
  std::string unit_;
  uint64_t bar_step_;
  Clock::time_point start_;
  Clock::time_point bar_time_;
  Clock::time_point line_time_;
  std::chrono::seconds line_pause_{1};
  double rate_ = 0;
};

}  // namespace wasserkern::bench
