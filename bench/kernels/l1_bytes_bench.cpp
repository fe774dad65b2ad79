#include "bench/kernels/pairs_bench.h"
#include "kernels/c_transform.h"
#include "kernels/l1_bytes.h"

namespace wasserkern::bench {
namespace {

std::vector<uint8_t> random_bytes(int64_t size) {
  std::mt19937 source(1);
  std::vector<uint8_t> values(static_cast<size_t>(size));
  for (uint8_t& value : values) value = static_cast<uint8_t>(source());
  return values;
}

template <class Kernel>
double seconds_of(Kernel kernel) {
  const auto start = std::chrono::steady_clock::now();
  kernel();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Terms per second of c_transform_bytes, packing included, the share of what registers alone can do, and the rate over
/// that of the c-transform of as many floats; both are sampled in between.
void run(benchmark::State& state, PairsShape shape) {
  Points points(shape);
  const std::vector<uint8_t> x = random_bytes(shape.m * shape.d), y = random_bytes(shape.n * shape.d);
  const std::vector<float> phi = random_values(shape.m);
  std::vector<float> out(static_cast<size_t>(shape.n));
  std::vector<int32_t> argmin(out.size());
  Limit limit = byte_term_limit(points.stream.threads());
  double seconds = 0, float_seconds = 0;
  int64_t float_runs = 0;
  for (auto _ : state) {
    while (limit.seconds() <= seconds) limit.sample();
    for (; float_seconds <= seconds; ++float_runs)
      float_seconds += seconds_of([&] {
        c_transform(points.stream, LqCost{1, 1}, points.x(), {phi.data(), shape.m}, points.y(), {out.data(), shape.n},
                    {argmin.data(), shape.n});
      });
    const double taken = seconds_of([&] {
      c_transform_bytes(points.stream, 2 / 255.0f, {x.data(), shape.m, shape.d}, {phi.data(), shape.m},
                        {y.data(), shape.n, shape.d}, {out.data(), shape.n}, {argmin.data(), shape.n});
    });
    state.SetIterationTime(taken);
    seconds += taken;
  }
  const double terms = static_cast<double>(shape.m * shape.n * shape.d);
  const double rate = static_cast<double>(state.iterations()) * terms / seconds;
  state.counters["terms/s"] = rate;
  state.counters["share_of_registers"] = rate / limit.rate();
  state.counters["times_fp32"] = rate / (static_cast<double>(float_runs) * terms / float_seconds);
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const PairsShape shape : {PairsShape{64, 64, 784}, {1024, 1024, 3072}, {60000, 1024, 784}})
    benchmark::RegisterBenchmark(("c_transform_bytes/" + shape.text()).c_str(),
                                 [=](benchmark::State& state) { run(state, shape); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
