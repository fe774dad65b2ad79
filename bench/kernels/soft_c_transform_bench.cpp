#include "bench/kernels/pairs_bench.h"
#include "kernels/entropic_coupling.h"
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

/// The derivatives of a soft c-transform, in the potential and in y.
void run_marginal(benchmark::State& state, const Cost& cost, PairsShape shape) {
  Points points(shape);
  const std::vector<float> u = random_values(shape.m), v = random_values(shape.n);
  std::vector<float> out(static_cast<size_t>(shape.m));
  const EntropicSide x{points.x(), {u.data(), shape.m}, {u.data(), shape.m}};
  const EntropicSide y{points.y(), {v.data(), shape.n}, {v.data(), shape.n}};
  run_pairs(state, cost, shape, [&] { entropic_marginal(points.stream, cost, 1, x, y, {out.data(), shape.m}); });
}

void run_gradient(benchmark::State& state, const Cost& cost, PairsShape shape) {
  Points points(shape);
  const std::vector<float> u = random_values(shape.m), v = random_values(shape.n);
  std::vector<float> out(static_cast<size_t>(shape.n * shape.d));
  const EntropicSide x{points.x(), {u.data(), shape.m}, {u.data(), shape.m}};
  const EntropicSide y{points.y(), {v.data(), shape.n}, {v.data(), shape.n}};
  run_pairs(state, cost, shape, [&] {
    entropic_cost_gradient(points.stream, cost, 1, x, y, {out.data(), shape.n, shape.d});
  });
}

[[maybe_unused]] const bool kRegistered = [] {
  register_pairs("soft_c_transform", {{64, 64, 784}, {1024, 1024, 784}, {1024, 1024, 3072}}, run);
  register_pairs("entropic_marginal", {{1024, 1024, 784}}, run_marginal);
  register_pairs("entropic_cost_gradient", {{1024, 1024, 784}}, run_gradient);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
