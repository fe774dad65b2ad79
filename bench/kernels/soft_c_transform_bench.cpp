#include "bench/kernels/pairs_bench.h"
#include "kernels/soft_c_transform.h"

namespace wasserkern::bench {
namespace {

void run(benchmark::State& state, const Cost& cost, PairsShape shape) {
  Points points(shape);
  const std::vector<float> phi = random_values(shape.m);
  std::vector<float> out(static_cast<size_t>(shape.n));
  run_pairs(state, cost, shape, [&] {
    soft_c_transform(points.stream, cost, 1, points.x(), {phi.data(), shape.m}, points.y(), {out.data(), shape.n});
  });
}

[[maybe_unused]] const bool kRegistered = [] {
  register_pairs("soft_c_transform", {{64, 64, 784}, {1024, 1024, 784}, {1024, 1024, 3072}}, run);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
