#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// Whether filtered_c_transform serves this cost and is faster than direct differences for this shape.
bool filter_pays(const Cost& cost, int64_t m, int64_t n, int64_t d);

/// c_transform for costs that grow with |x - y|^2. A matrix product gives all distances as |x|^2 + |y|^2 - 2 x y, which
/// cancels for near points: it only rules out candidates that, by the rounding bound of the expansion, cannot be
/// minimal. Direct differences of those that are left decide value and index.
WASSERKERN_API void filtered_c_transform(CpuStream& stream, const Cost& cost, Matrix<const float> x,
                                         Vector<const float> phi, Matrix<const float> y, Vector<float> out,
                                         Vector<int32_t> argmin);

}  // namespace wasserkern
