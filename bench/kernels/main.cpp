#include <benchmark/benchmark.h>
#include <omp.h>

#include <cstdio>
#include <filesystem>
#include <string_view>

#include "bench/harness/device_flags.h"
#include "bench/harness/program.h"
#include "bench/kernels/registration.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

bool is_google_benchmarks(std::string_view argument) {
  return argument.starts_with("--benchmark_") || argument.starts_with("--v=");
}

int measure_kernels(const std::string& called, int argc, char** argv) {
  const std::string program = std::filesystem::path(called).filename();
  std::vector<char*> theirs{argv, argv + std::min(argc, 1)};
  std::vector<std::string> ours;
  for (int i = 1; i < argc; ++i)
    if (is_google_benchmarks(argv[i]))
      theirs.push_back(argv[i]);
    else
      ours.emplace_back(argv[i]);

  Flags flags(program,
              "Kernels against what the device can do, measured in the same process. --benchmark_filter=REGEX takes "
              "some of them; Google Benchmark's flags are listed below.",
              std::move(ours));
  DeviceOptions options = device_flags(flags);
  try {
    flags.finish();
  } catch (const HelpWanted& help) {
    std::fputs((help.text + "\n").c_str(), stdout);
    std::fflush(stdout);
    benchmark::PrintDefaultHelp();
    return 0;
  }
  int count = static_cast<int>(theirs.size());
  theirs.push_back(nullptr);
  benchmark::Initialize(&count, theirs.data());
  if (count > 1)
    throw UsageError(printable(theirs[1]) + " is not a flag of Google Benchmark; see " + program + " --help");

  if (options.threads == 0) options.threads = omp_get_max_threads();  // OMP_NUM_THREADS has its say
  Device device(options);
  benchmark::AddCustomContext("device", device.choice() + "; " + device.description());
  Registration::make_all(device);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::ClearRegisteredBenchmarks();
  benchmark::Shutdown();
  return any_failed() ? 1 : 0;
}

}  // namespace
}  // namespace wasserkern::bench

int main(int argc, char** argv) {
  using namespace wasserkern::bench;
  return run_program(argc, argv, "take fewer benchmarks, with --benchmark_filter=REGEX",
                     [&](const std::string& called) { return measure_kernels(called, argc, argv); });
}
