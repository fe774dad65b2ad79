#pragma once

#include <cstdint>

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// How c_transform goes over all pairs: all of them by direct differences, or by products that rule most of them out:
/// of cuBLAS, panel by panel, or of tensor cores from rounded values. The answer has the same bits by every route.
enum class FilterRoute { Direct, Product, TensorTf32, TensorBf16 };

/// The route that the table in filter_route.cu gives a shape, on a GPU of this compute capability (80 for sm_80)
/// whose matrix products are TF32 or not.
WASSERKERN_API FilterRoute filter_route(const Cost& cost, int64_t m, int64_t n, int64_t d, int capability, bool tf32);

/// As above, for a stream's GPU and this build's code for it.
FilterRoute filter_route(CudaStream& stream, const Cost& cost, int64_t m, int64_t n, int64_t d);

/// Whether a stream's GPU and this build's code for it can take a route.
WASSERKERN_API bool can_take(CudaStream& stream, FilterRoute route);

/// c_transform by any route but Direct, for a cost that grows with |x - y|^2 and at most 65536 coordinates; shapes as
/// c_transform has checked them. Throws UsageError for what this route cannot serve, DeviceError where it cannot run.
WASSERKERN_API void filtered_c_transform(CudaStream& stream, FilterRoute route, const Cost& cost, Matrix<const float> x,
                                         Vector<const float> phi, Matrix<const float> y, Vector<float> out,
                                         Vector<int32_t> argmin);

}  // namespace wasserkern
