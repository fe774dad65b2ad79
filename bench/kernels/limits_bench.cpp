#include <benchmark/benchmark.h>
#include <omp.h>

#include "bench/kernels/limits.h"

// The limits alone, as rates; the kernels' benchmarks sample them again beside every kernel.

namespace wasserkern::bench {
namespace {

void report(benchmark::State& state, Limit limit, const char* unit) {
  for (auto _ : state) limit.sample();
  state.counters[unit] = limit.rate();
}

void multiply_add(benchmark::State& state) { report(state, multiply_add_limit(omp_get_max_threads()), "flop/s"); }
void triad(benchmark::State& state) { report(state, triad_limit(omp_get_max_threads()), "B/s"); }
void product(benchmark::State& state) { report(state, product_limit(omp_get_max_threads()), "flop/s"); }

BENCHMARK(multiply_add)->Name("limit/multiply_add")->UseRealTime();
BENCHMARK(triad)->Name("limit/triad")->UseRealTime();
BENCHMARK(product)->Name("limit/product")->UseRealTime();

[[maybe_unused]] const bool kRegistered = [] {
  for (const Cost& cost : sample_costs())
    benchmark::RegisterBenchmark(("limit/terms/" + cost_name(cost)).c_str(), [=](benchmark::State& state) {
      report(state, term_limit(cost, omp_get_max_threads()), "terms/s");
    })->UseRealTime();
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
