#pragma once

#include "engine/tensor.h"
#include "kernels/admissibility.h"
#include "kernels/cost/cost.h"
#include "kernels/export.h"

namespace wasserkern {

/// The mean over all pairs of a penalty of the slack xi_ij = c(x_i, y_j) - phi_i - psi_j; a scalar. x [m, ...], phi [m]
/// or [m, 1], y [n, ...], psi [n] or [n, 1]. Differentiable once, in the potentials; points are constants: throws
/// UsageError when x or y is on the tape. Paper 000, eq. 19.
WASSERKERN_API Tensor admissibility(const Cost& cost, Penalty penalty, const Tensor& x, const Tensor& phi,
                                    const Tensor& y, const Tensor& psi);

}  // namespace wasserkern
