#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// out[j] = min_i c(x_i, y_j) - phi[i] and its lowest minimiser; overwrites both.
/// x [m,d], phi [m], y [n,d], out [n], argmin [n]. The argmin starts at 0; ties go to the lowest index; a NaN wins at
/// its lowest index and propagates. Values are those of paired_cost at the argmin, up to the order of summing.
/// Throws ShapeError, also when m = 0. Paper 000, eq. 17.
WASSERKERN_API void c_transform(CpuStream&, const Cost&, Matrix<const float> x, Vector<const float> phi,
                                Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin);
WASSERKERN_API void c_transform(CudaStream&, const Cost&, Matrix<const float> x, Vector<const float> phi,
                                Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin);

/// As many c-transforms at once, of equal shapes: problem b has rows [b m, (b+1) m) of x and phi and [b n, (b+1) n) of
/// y and out, m = x.rows / problems and n = y.rows / problems; its argmin counts from its own first row. Throws
/// ShapeError, also when the rows do not divide.
WASSERKERN_API void batched_c_transform(CpuStream&, const Cost&, int64_t problems, Matrix<const float> x,
                                        Vector<const float> phi, Matrix<const float> y, Vector<float> out,
                                        Vector<int32_t> argmin);
WASSERKERN_API void batched_c_transform(CudaStream&, const Cost&, int64_t problems, Matrix<const float> x,
                                        Vector<const float> phi, Matrix<const float> y, Vector<float> out,
                                        Vector<int32_t> argmin);

}  // namespace wasserkern
