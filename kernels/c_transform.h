#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// out[j] = min_i c(x_i, y_j) - phi[i] and its lowest minimiser; overwrites both.
/// x [m,d], phi [m], y [n,d], out [n], argmin [n]. The argmin starts at 0; ties go to the lowest index; a NaN wins at
/// its lowest index and propagates. Throws ShapeError, also when m = 0. Paper 000, eq. 17.
WASSERKERN_API void c_transform(CpuStream&, const Cost&, Matrix<const float> x, Vector<const float> phi,
                                Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin);
WASSERKERN_API void c_transform(CudaStream&, const Cost&, Matrix<const float> x, Vector<const float> phi,
                                Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin);

}  // namespace wasserkern
