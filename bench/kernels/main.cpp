#include <benchmark/benchmark.h>
#include <omp.h>

#include "bench/harness/brief_spin.h"
#include "kernels/cpu/dispatch.h"

// Kernels against what the machine can do, measured in the same process. OMP_NUM_THREADS sets the threads.
int main(int argc, char** argv) {
  wasserkern::bench::spin_briefly(argv);  // as the experiments do
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("instruction set", wasserkern::isa_name());
  benchmark::AddCustomContext("threads", std::to_string(omp_get_max_threads()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
