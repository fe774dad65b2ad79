#include "bench/kernels/pairs_bench.h"
#include "kernels/pairwise_cost.h"

namespace wasserkern::bench {
namespace {

void run(benchmark::State& state, const Cost& cost, PairsShape shape) {
  Points points(shape);
  std::vector<float> out(static_cast<size_t>(shape.m * shape.n));
  run_pairs(state, cost, shape, [&] {
    pairwise_cost(points.stream, cost, points.x(), points.y(), {out.data(), shape.m, shape.n});
  });
}

void run_gradient(benchmark::State& state, const Cost& cost, PairsShape shape) {
  Points points(shape);
  const std::vector<float> weights = random_values(shape.m * shape.n);
  std::vector<float> out(points.y_values.size());
  run_pairs(state, cost, shape, [&] {
    pairwise_cost_gradient(points.stream, cost, points.x(), points.y(), {{weights.data(), shape.m, shape.n}},
                           {out.data(), shape.n, shape.d});
  });
}

[[maybe_unused]] const bool kRegistered = [] {
  register_pairs("pairwise_cost", {{64, 64, 784}, {1024, 1024, 3072}, {60000, 1024, 784}}, run);
  register_pairs("pairwise_cost_gradient", {{64, 64, 784}, {1024, 1024, 784}, {1024, 1024, 3072}}, run_gradient);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
