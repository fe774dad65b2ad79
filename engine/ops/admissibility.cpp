#include "engine/ops/admissibility.h"

#include "engine/ops/elementwise.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

/// slope times a scalar gradient; slope was taken with the value and holds no tape of its own.
Tensor scaled(const Tensor& slope, const Tensor& gradient, const Tensor& phi, const Tensor& psi) {
  const Tensor out = [&] {
    const TapeOff constant;
    return slope * gradient;
  }();
  return taped("the admissibility's gradient", out, {gradient, phi, psi},
               [](Sweep&) { fail_missing_derivative("admissibility"); });
}

}  // namespace

Tensor admissibility(const Cost& cost, Penalty penalty, const Tensor& x, const Tensor& phi, const Tensor& y,
                     const Tensor& psi) {
  if (x.on_tape() || y.on_tape())
    throw UsageError("admissibility: points are constants, but " + std::string(x.on_tape() ? "x" : "y") +
                     " is on the tape; detach it");
  Tensor value = Tensor::empty(x.device(), {});
  const Tensor phi_slope = Tensor::empty(x.device(), phi.shape()), psi_slope = Tensor::empty(x.device(), psi.shape());
  submit(x.device(), [=, from = x.matrix(), to = y.matrix(), f = phi.vector(), g = psi.vector(), out = value.vector(),
                      by_phi = phi_slope.vector(), by_psi = psi_slope.vector()](auto& stream) {
    admissibility(stream, cost, penalty, from, f, to, g, out, by_phi, by_psi);
  });
  return taped("admissibility", value, {phi, psi}, [=](Sweep& sweep) {
    if (sweep.wants(0)) sweep.give(0, scaled(phi_slope, sweep.gradient(), phi, psi));
    if (sweep.wants(1)) sweep.give(1, scaled(psi_slope, sweep.gradient(), phi, psi));
  });
}

}  // namespace wasserkern
