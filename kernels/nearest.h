#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// The k = values.columns rows of x at least cost of every row of y, ascending: values[j, r] = c(x_i, y_j) with
/// i = indices[j, r]. Overwrites both. x [m,d], y [n,d], values and indices [n,k], 1 <= k <= min(64, m). Ties go to the
/// lowest index and NaN comes first, so that k = 1 is the c-transform of the potential 0. No pair is stored. Throws
/// ShapeError.
WASSERKERN_API void nearest(CpuStream&, const Cost&, Matrix<const float> x, Matrix<const float> y, Matrix<float> values,
                            Matrix<int32_t> indices);
WASSERKERN_API void nearest(CudaStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                            Matrix<float> values, Matrix<int32_t> indices);

}  // namespace wasserkern
