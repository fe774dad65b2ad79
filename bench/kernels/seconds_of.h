#pragma once

#include <chrono>

#include "engine/device.h"

namespace wasserkern::bench {

/// How long `run()` takes until the device has done what it submits.
template <class Run>
double seconds_of(Device& device, Run run) {
  device.synchronize();
  const auto start = std::chrono::steady_clock::now();
  run();
  device.synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace wasserkern::bench
