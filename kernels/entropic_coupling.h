#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

// The coupling w_ij = a_i b_j exp((u_i + v_j - c(x_i, y_j)) / epsilon) of two marginals, which is never stored: what
// the derivatives of soft c-transforms and of entropic transport are made of. Masses may have either sign. A weight is
// off by the rounding of u_i + v_j - c_ij over epsilon, relative to itself. A potential of -infinity drops its point.

/// Points [n,d] with a potential and a mass each, [n].
struct EntropicSide {
  Matrix<const float> points;
  Vector<const float> potential;
  Vector<const float> mass;
};

/// out[i] = sum_j w_ij; overwrites; out has the size of `rows`. The other marginal is that with the sides exchanged.
/// Sums have the same order on any number of threads. Throws ShapeError, and UsageError unless epsilon is positive and
/// finite.
WASSERKERN_API void entropic_marginal(CpuStream&, const Cost&, float epsilon, const EntropicSide& rows,
                                      const EntropicSide& columns, Vector<float> out);
WASSERKERN_API void entropic_marginal(CudaStream&, const Cost&, float epsilon, const EntropicSide& rows,
                                      const EntropicSide& columns, Vector<float> out);

/// out_j = sum_i w_ij (d/dy) c(x_i, y_j), with x the points of `from` and y those of `at`; overwrites out, of the shape
/// of y. The gradient in x is that with the sides exchanged. Otherwise as entropic_marginal, and at kinks as
/// pairwise_cost_gradient.
WASSERKERN_API void entropic_cost_gradient(CpuStream&, const Cost&, float epsilon, const EntropicSide& from,
                                           const EntropicSide& at, Matrix<float> out);
WASSERKERN_API void entropic_cost_gradient(CudaStream&, const Cost&, float epsilon, const EntropicSide& from,
                                           const EntropicSide& at, Matrix<float> out);

}  // namespace wasserkern
