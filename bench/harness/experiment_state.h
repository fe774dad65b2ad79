#pragma once

#include <optional>

#include "bench/harness/experiment.h"
#include "bench/harness/log.h"
#include "bench/harness/metrics_recorder.h"
#include "bench/harness/run_folder.h"
#include "engine/metrics.h"
#include "engine/phases.h"

/// For experiment.cpp and training.cpp only.
namespace wasserkern::bench {

/// What is known from the command line.
struct Experiment::Common {
  About about;
  std::string program;  // as it was called
  Flags flags;
  std::string resume;
  std::string out;
  DeviceOptions device;
  bool eager;
  std::string data;
  int64_t iterations;
  int64_t batch;
  uint64_t seed;
  int64_t samples_every;
  int64_t checkpoint_every;
  bool json_lines;
  std::optional<RunFolder> folder;

  Common(const About& what, const std::string& program, std::vector<std::string> arguments);
};

/// What exists once all options are known. The device is made first and goes last.
struct Experiment::Running {
  Log log;
  Device device;
  Random random;
  Phases phases;
  Metrics metrics;
  std::vector<std::function<void(Checkpoint&)>> state;
  std::vector<std::pair<int64_t, std::function<void()>>> callbacks;
  std::optional<MetricsRecorder> recorder;
  uint64_t step = 0;
  uint64_t saved_step = 0;

  explicit Running(const Common& common);
};

}  // namespace wasserkern::bench
