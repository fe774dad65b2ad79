#include "bench/kernels/pairs_bench.h"
#include "kernels/nearest.h"

namespace wasserkern::bench {
namespace {

/// The five nearest.
void run(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  constexpr int64_t kNeighbours = 5;
  const Points points(device, shape);
  const Array<float> values(device, shape.n * kNeighbours);
  const Array<int32_t> indices(device, shape.n * kNeighbours);
  run_pairs(state, device, cost, shape, [=](auto& stream) {
    nearest(stream, cost, points.x(), points.y(), {values.data(), shape.n, kNeighbours},
            {indices.data(), shape.n, kNeighbours});
  });
}

const Registration kRegistration([](Device& device) {
  add_pairs(device, "nearest",
            {.everywhere = {{1024, 1024, 3072}, {60000, 1024, 784}}, .on_cuda = {{60000, 10000, 784}}}, run);
});

}  // namespace
}  // namespace wasserkern::bench
