#include "bench/kernels/pairs_bench.h"
#include "kernels/admissibility.h"

namespace wasserkern::bench {
namespace {

void run(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  const Points points(device, shape);
  const Array<float> phi(device, random_values(shape.m)), psi(device, random_values(shape.n));
  const Array<float> value(device, 1), phi_gradient(device, shape.m), psi_gradient(device, shape.n);
  run_pairs(state, device, cost, shape, [=](auto& stream) {
    admissibility(stream, cost, Penalty::Square, points.x(), phi.vector(), points.y(), psi.vector(), value.vector(),
                  phi_gradient.vector(), psi_gradient.vector());
  });
}

const Registration kRegistration([](Device& device) {
  add_pairs(device, "admissibility",
            {.everywhere = {{128, 128, 784}, {128, 128, 3072}, {1024, 1024, 3072}}, .on_cuda = {{10000, 10000, 3072}}},
            run);
});

}  // namespace
}  // namespace wasserkern::bench
