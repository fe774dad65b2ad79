#include "bench/kernels/pairs_bench.h"
#include "kernels/nearest.h"

namespace wasserkern::bench {
namespace {

/// The five nearest.
void run(benchmark::State& state, const Cost& cost, PairsShape shape) {
  constexpr int64_t kNeighbours = 5;
  Points points(shape);
  std::vector<float> values(static_cast<size_t>(shape.n * kNeighbours));
  std::vector<int32_t> indices(values.size());
  run_pairs(state, cost, shape, [&] {
    nearest(points.stream, cost, points.x(), points.y(), {values.data(), shape.n, kNeighbours},
            {indices.data(), shape.n, kNeighbours});
  });
}

[[maybe_unused]] const bool kRegistered = [] {
  register_pairs("nearest", {{1024, 1024, 3072}, {60000, 1024, 784}}, run);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
