#include "bench/kernels/pairs_bench.h"
#include "kernels/admissibility.h"

namespace wasserkern::bench {
namespace {

void run(benchmark::State& state, const Cost& cost, PairsShape shape) {
  Points points(shape);
  const std::vector<float> phi = random_values(shape.m), psi = random_values(shape.n);
  std::vector<float> value(1), phi_gradient(phi.size()), psi_gradient(psi.size());
  run_pairs(state, cost, shape, [&] {
    admissibility(points.stream, cost, Penalty::Square, points.x(), {phi.data(), shape.m}, points.y(),
                  {psi.data(), shape.n}, {value.data(), 1}, {phi_gradient.data(), shape.m},
                  {psi_gradient.data(), shape.n});
  });
}

[[maybe_unused]] const bool kRegistered = [] {
  register_pairs("admissibility", {{128, 128, 784}, {128, 128, 3072}, {1024, 1024, 3072}}, run);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
