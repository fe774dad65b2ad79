#pragma once

#include <cstdint>

#include "engine/ops/transport.h"
#include "engine/tensor.h"

namespace wasserkern::losses {

/// The couplings that an entropic value is made of: that between two measures, and those within them which a debiased
/// value has half of taken off. `problems` of equal shapes lie one after another.
struct EntropicCouplings {
  EntropicMarginal sources, targets;      // with their points x and y
  Tensor within_sources, within_targets;  // potentials of the measures to themselves; undefined: not debiased
  int64_t problems = 1;
};

/// `value` [problems], or a scalar, on the tape as a function of the points: its derivatives are those of the costs
/// with the couplings held still. Differentiable once.
Tensor with_envelope(const Cost& cost, float epsilon, const Tensor& value, const EntropicCouplings& couplings);

}  // namespace wasserkern::losses
