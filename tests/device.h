#pragma once

#include "engine/device.h"
#include "tests/stream.h"

namespace wasserkern::testing {

/// The device under test, with two threads if it is the CPU.
inline Device& test_device() {
  static Device device({.name = on_cuda() ? "cuda" : "cpu", .threads = 2});
  return device;
}

}  // namespace wasserkern::testing
