#pragma once

#include <benchmark/benchmark.h>
#include <omp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/kernels/limits.h"
#include "kernels/stream.h"
#include "kernels/view.h"

/// What benchmarks over all pairs of two sets of points share.
namespace wasserkern::bench {

/// x [m,d] against y [n,d].
struct PairsShape {
  int64_t m, n, d;

  std::string text() const { return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(d); }
};

inline std::vector<float> random_values(int64_t size) {
  std::mt19937 source(1);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& element : values) element = value(source);
  return values;
}

/// Two sets of random points and a stream with every thread.
struct Points {
  PairsShape shape;
  std::vector<float> x_values = random_values(shape.m * shape.d);
  std::vector<float> y_values = random_values(shape.n * shape.d);
  CpuStream stream{omp_get_max_threads()};

  explicit Points(PairsShape of) : shape(of) {}
  Matrix<const float> x() const { return {x_values.data(), shape.m, shape.d}; }
  Matrix<const float> y() const { return {y_values.data(), shape.n, shape.d}; }
};

/// What a rate is compared with: a counter's name, and the limit in the same unit.
struct Comparison {
  std::string counter;
  Limit limit;
};

/// The rate of `kernel()`, which does `work`, as the counter `unit`, and its share of each limit, sampled in between.
template <class Kernel>
void measure(benchmark::State& state, const char* unit, double work, std::vector<Comparison> comparisons,
             Kernel kernel) {
  double seconds = 0;
  for (auto _ : state) {
    for (Comparison& comparison : comparisons)
      while (comparison.limit.seconds() <= seconds) comparison.limit.sample();
    const auto start = std::chrono::steady_clock::now();
    kernel();
    const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    state.SetIterationTime(taken);
    seconds += taken;
  }
  const double rate = static_cast<double>(state.iterations()) * work / seconds;
  state.counters[unit] = rate;
  for (const Comparison& comparison : comparisons) state.counters[comparison.counter] = rate / comparison.limit.rate();
}

inline double terms_of(PairsShape shape) { return static_cast<double>(shape.m * shape.n * shape.d); }

/// Terms per second, against what registers alone can do.
template <class Kernel>
void run_pairs(benchmark::State& state, const Cost& cost, PairsShape shape, Kernel kernel) {
  measure(state, "terms/s", terms_of(shape), {{"share_of_registers", term_limit(cost, omp_get_max_threads())}}, kernel);
}

/// Registers `run(state, cost, shape)` as FAMILY/COST/MxNxD for every cost.
template <class Run>
void register_pairs(const std::string& family, std::initializer_list<PairsShape> shapes, Run run) {
  for (const PairsShape shape : shapes)
    for (const Cost& cost : sample_costs())
      benchmark::RegisterBenchmark((family + "/" + cost_name(cost) + "/" + shape.text()).c_str(),
                                   [=](benchmark::State& state) { run(state, cost, shape); })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
}

}  // namespace wasserkern::bench
