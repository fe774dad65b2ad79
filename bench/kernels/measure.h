#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/kernels/limits.h"
#include "bench/kernels/seconds_of.h"
#include "engine/stream.h"

namespace wasserkern::bench {

/// How often in a row work that takes `seconds` runs between two looks at the clock: on the CPU once, on a GPU for
/// milliseconds, so that the host's part does not show.
inline int64_t repetitions(const Device& device, double seconds) {
  constexpr double kSeconds = 5e-3;
  constexpr double kMost = 1000;
  return device.is_cuda() ? static_cast<int64_t>(std::clamp(kSeconds / seconds, 1.0, kMost)) : 1;
}

/// `kernel(stream)` as often in a row as repetitions() says: more than once as a recording, since launches from the
/// host may take longer than small kernels do.
template <class Kernel>
class Repeated {
 public:
  Repeated(Device& device, Kernel kernel) : device_(device), kernel_(std::move(kernel)) {
    if (!device.is_cuda()) return;
    once();  // loads code and grows workspaces
    times_ = repetitions(device, seconds_of(device, [&] { once(); }));
    if (times_ > 1) device.stream().visit([&](auto& stream) { record(stream); });
  }

  int64_t times() const { return times_; }
  void run() {
    if (recording_)
      recording_->replay();
    else
      once();
  }

 private:
  void once() {
    device_.stream().visit([&](auto& stream) { kernel_(stream); });
  }

  template <class AnyStream>
  void record(AnyStream& stream) {
    stream.begin_recording();
    try {
      for (int64_t time = 0; time < times_; ++time) stream.submit(kernel_);
    } catch (...) {
      stream.abandon_recording();
      throw;
    }
    recording_ = stream.end_recording();
  }

  Device& device_;
  Kernel kernel_;
  int64_t times_ = 1;
  std::unique_ptr<Recording> recording_;
};

/// How long one of the state's iterations takes, of which `run()` does `times`; the limits are sampled in between.
template <class Run>
double seconds_per_iteration(benchmark::State& state, Device& device, int64_t times, std::vector<Limit>& limits,
                             Run run) {
  double seconds = 0;
  while (state.KeepRunningBatch(times)) {
    for (Limit& limit : limits)
      while (limit.seconds() <= seconds) limit.sample();
    const double taken = seconds_of(device, run);
    state.SetIterationTime(taken);
    seconds += taken;
  }
  return seconds / static_cast<double>(state.iterations());
}

/// What a rate is compared with: a counter's name, and the limit in the same unit.
struct Comparison {
  std::string counter;
  Limit limit;
};

/// The rate of `kernel(stream)`, which does `work`, as the counter `unit`, and its share of each limit, sampled in
/// between.
template <class Kernel>
void measure(benchmark::State& state, Device& device, const char* unit, double work,
             std::vector<Comparison> comparisons, Kernel kernel) {
  Repeated<Kernel> repeated(device, std::move(kernel));
  std::vector<Limit> limits;
  for (Comparison& comparison : comparisons) limits.push_back(std::move(comparison.limit));
  const double rate = work / seconds_per_iteration(state, device, repeated.times(), limits, [&] { repeated.run(); });
  state.counters[unit] = rate;
  for (size_t i = 0; i < limits.size(); ++i) state.counters[comparisons[i].counter] = rate / limits[i].rate();
}

}  // namespace wasserkern::bench
