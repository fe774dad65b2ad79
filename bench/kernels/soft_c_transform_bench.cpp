#include "bench/kernels/pairs_bench.h"
#include "kernels/entropic_coupling.h"
#include "kernels/soft_c_transform.h"

namespace wasserkern::bench {
namespace {

/// Terms per second; with few coordinates the exponentials, one per pair, are the limit.
template <class Kernel>
void run_soft(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape, Kernel kernel) {
  measure(
      state, device, "terms/s", terms_of(shape),
      {{"share_of_registers", term_limit(device, cost)}, {"share_of_exponentials", exponential_limit(device, shape.d)}},
      kernel);
}

void run(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  const Points points(device, shape);
  const Array<float> phi(device, random_values(shape.m)), out(device, shape.n);
  run_soft(state, device, cost, shape, [=](auto& stream) {
    soft_c_transform(stream, cost, 1, points.x(), phi.vector(), points.y(), out.vector());
  });
}

/// Both sides of a coupling.
struct Sides {
  Points points;
  Array<float> u, v;

  Sides(Device& device, PairsShape shape)
      : points(device, shape), u(device, random_values(shape.m)), v(device, random_values(shape.n)) {}
  EntropicSide x() const { return {points.x(), u.vector(), u.vector()}; }
  EntropicSide y() const { return {points.y(), v.vector(), v.vector()}; }
};

/// The derivatives of a soft c-transform, in the potential and in y.
void run_marginal(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  const Sides sides(device, shape);
  const Array<float> out(device, shape.m);
  run_soft(state, device, cost, shape,
           [=](auto& stream) { entropic_marginal(stream, cost, 1, sides.x(), sides.y(), out.vector()); });
}

void run_gradient(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  const Sides sides(device, shape);
  const Array<float> out(device, shape.n * shape.d);
  run_soft(state, device, cost, shape, [=](auto& stream) {
    entropic_cost_gradient(stream, cost, 1, sides.x(), sides.y(), {out.data(), shape.n, shape.d});
  });
}

const Registration kRegistration([](Device& device) {
  add_pairs(device, "soft_c_transform",
            {.everywhere = {{64, 64, 784}, {1024, 1024, 784}, {1024, 1024, 3072}},
             .on_cuda = {{10000, 10000, 64}, {10000, 10000, 3072}}},
            run);
  add_pairs(device, "entropic_marginal", {.everywhere = {{1024, 1024, 784}}, .on_cuda = {{10000, 10000, 784}}},
            run_marginal);
  add_pairs(device, "entropic_cost_gradient", {.everywhere = {{1024, 1024, 784}}, .on_cuda = {{10000, 10000, 784}}},
            run_gradient);
});

}  // namespace
}  // namespace wasserkern::bench
