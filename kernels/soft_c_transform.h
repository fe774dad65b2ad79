#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// The (c, epsilon)-transform: out[j] = -epsilon ln( (1/m) sum_i exp( (phi[i] - c(x_i, y_j)) / epsilon ) ); overwrites.
/// x [m,d], phi [m], y [n,d], out [n]. One pass with a running maximum: exact to float's precision, relative to the
/// values, for every epsilon; tends to the c-transform as epsilon falls to 0, to the mean of c - phi as it grows.
/// A potential of -infinity drops its candidate; NaN propagates. Sums have the same order on any number of threads.
/// Throws ShapeError, also when m = 0, and UsageError unless epsilon is positive and finite. Paper 004.
WASSERKERN_API void soft_c_transform(CpuStream&, const Cost&, float epsilon, Matrix<const float> x,
                                     Vector<const float> phi, Matrix<const float> y, Vector<float> out);
WASSERKERN_API void soft_c_transform(CudaStream&, const Cost&, float epsilon, Matrix<const float> x,
                                     Vector<const float> phi, Matrix<const float> y, Vector<float> out);

}  // namespace wasserkern
