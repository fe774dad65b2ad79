#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// How far potentials are from admissible and from tight. With the slack xi_ij = c(x_i, y_j) - phi_i - psi_j of a pair:
enum class Penalty {
  Square,    // xi^2: every slack counts
  Violation  // min(xi, 0)^2: phi_i + psi_j may not exceed the cost
};

/// value[0] = mean over all pairs of the penalty; phi_gradient and psi_gradient are its derivatives in phi and psi.
/// All are overwritten. x [m,d], phi and phi_gradient [m], y [n,d], psi and psi_gradient [n]. No pair is stored. NaN
/// propagates. Sums have a fixed order for a shape and a number of threads. Throws ShapeError, also when m or n is 0.
/// Paper 000, eq. 19.
WASSERKERN_API void admissibility(CpuStream&, const Cost&, Penalty, Matrix<const float> x, Vector<const float> phi,
                                  Matrix<const float> y, Vector<const float> psi, Vector<float> value,
                                  Vector<float> phi_gradient, Vector<float> psi_gradient);
WASSERKERN_API void admissibility(CudaStream&, const Cost&, Penalty, Matrix<const float> x, Vector<const float> phi,
                                  Matrix<const float> y, Vector<const float> psi, Vector<float> value,
                                  Vector<float> phi_gradient, Vector<float> psi_gradient);

}  // namespace wasserkern
