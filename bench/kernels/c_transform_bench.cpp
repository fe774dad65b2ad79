#include <benchmark/benchmark.h>
#include <omp.h>

#include <chrono>
#include <random>

#include "bench/kernels/limits.h"
#include "kernels/c_transform.h"

namespace wasserkern::bench {
namespace {

struct Shape {
  int64_t m, n, d;
};

std::vector<float> random_values(int64_t size) {
  std::mt19937 source(1);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& element : values) element = value(source);
  return values;
}

/// Terms per second, packing included, and the share of what registers alone can do, sampled in between.
void run(benchmark::State& state, const Cost& cost, Shape shape) {
  const std::vector<float> x = random_values(shape.m * shape.d), phi = random_values(shape.m);
  const std::vector<float> y = random_values(shape.n * shape.d);
  std::vector<float> out(static_cast<size_t>(shape.n));
  std::vector<int32_t> argmin(out.size());
  CpuStream stream(omp_get_max_threads());
  Limit limit = term_limit(cost, stream.threads());
  double seconds = 0;
  for (auto _ : state) {
    while (limit.seconds() <= seconds) limit.sample();
    const auto start = std::chrono::steady_clock::now();
    c_transform(stream, cost, {x.data(), shape.m, shape.d}, {phi.data(), shape.m}, {y.data(), shape.n, shape.d},
                {out.data(), shape.n}, {argmin.data(), shape.n});
    const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    state.SetIterationTime(taken);
    seconds += taken;
  }
  const double rate = static_cast<double>(state.iterations() * shape.m * shape.n * shape.d) / seconds;
  state.counters["terms/s"] = rate;
  state.counters["share_of_registers"] = rate / limit.rate();
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const Shape shape : {Shape{64, 64, 784}, {1024, 1024, 3072}, {60000, 1024, 784}})
    for (const Cost& cost : sample_costs()) {
      const std::string name = "c_transform/" + cost_name(cost) + "/" + std::to_string(shape.m) + "x" +
                               std::to_string(shape.n) + "x" + std::to_string(shape.d);
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { run(state, cost, shape); })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
