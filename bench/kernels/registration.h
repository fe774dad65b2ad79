#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <string>

#include "engine/device.h"

namespace wasserkern::bench {

/// A file's benchmarks, as a static object: they are made once it is known which device they run on.
class Registration {
 public:
  explicit Registration(void (*registrar)(Device&));
  static void make_all(Device& device);
};

/// Adds a benchmark that sets the time of its iterations. One that throws is reported, and the others go on.
void add_benchmark(const std::string& name, std::function<void(benchmark::State&)> run);

/// Whether some benchmark threw.
bool any_failed();

}  // namespace wasserkern::bench
