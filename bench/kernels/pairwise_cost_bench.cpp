#include "bench/kernels/pairs_bench.h"
#include "kernels/pairwise_cost.h"

namespace wasserkern::bench {
namespace {

void run(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  const Points points(device, shape);
  const Array<float> out(device, shape.m * shape.n);
  run_pairs(state, device, cost, shape, [=](auto& stream) {
    pairwise_cost(stream, cost, points.x(), points.y(), {out.data(), shape.m, shape.n});
  });
}

void run_gradient(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  const Points points(device, shape);
  const Array<float> weights(device, random_values(shape.m * shape.n)), out(device, shape.n * shape.d);
  run_pairs(state, device, cost, shape, [=](auto& stream) {
    pairwise_cost_gradient(stream, cost, points.x(), points.y(), {{weights.data(), shape.m, shape.n}},
                           {out.data(), shape.n, shape.d});
  });
}

const Registration kRegistration([](Device& device) {
  add_pairs(device, "pairwise_cost",
            {.everywhere = {{64, 64, 784}, {1024, 1024, 3072}, {60000, 1024, 784}}, .on_cuda = {{10000, 10000, 3072}}},
            run);
  add_pairs(device, "pairwise_cost_gradient",
            {.everywhere = {{64, 64, 784}, {1024, 1024, 784}, {1024, 1024, 3072}}, .on_cuda = {{10000, 10000, 3072}}},
            run_gradient);
});

}  // namespace
}  // namespace wasserkern::bench
