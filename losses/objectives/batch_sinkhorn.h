#pragma once

#include <cstdint>

#include "engine/tensor.h"
#include "kernels/cost/cost.h"
#include "kernels/export.h"

namespace wasserkern::losses {

/// Entropic transport between minibatches by a fixed number of Sinkhorn's iterations, without a look at values: it can
/// run inside a phase. Paper 004, section 4, with the Sinkhorn divergence by default.
struct WASSERKERN_API BatchSinkhorn {
  Cost cost = LqCost{2, 1};
  float epsilon = 1;
  int64_t iterations = 50;
  /// Where epsilon starts, about a mean cost; it falls by `scaling` an iteration. At epsilon itself, if below.
  float first_epsilon = 0;
  float scaling = 0.5f;
  /// Takes off half of the transport of each batch to itself.
  bool debiased = true;

  /// W [problems] from x [problems m, ...] to y [problems n, ...], whose points have equal masses; problems of equal
  /// shapes lie one after another. Derivatives are those of the costs with the couplings held still: right where the
  /// iteration has settled. Differentiable once; NaN where points are not finite. Throws ShapeError, also when a batch
  /// is empty, and UsageError.
  Tensor operator()(const Tensor& x, const Tensor& y, int64_t problems = 1) const;

  /// The same number, a scalar, of one problem, with derivatives through every iteration: those of the value as it is.
  Tensor unrolled(const Tensor& x, const Tensor& y) const;
};

}  // namespace wasserkern::losses
