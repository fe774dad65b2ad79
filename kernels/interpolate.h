#pragma once

#include "kernels/export.h"
#include "kernels/random.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// out_i = a_i x_i + (1 - a_i) y_i for every row, with a_i element i of the draw's uniforms; overwrites. x, y and out
/// [n,d]; throws ShapeError. Computed as y + a (x - y), each operation rounded: where x and y agree out is exactly
/// theirs, and the bits are the same on every device. The points of a gradient penalty: Gulrajani et al. 2017, alg. 1.
WASSERKERN_API void interpolate(CpuStream&, Draw, Matrix<const float> x, Matrix<const float> y, Matrix<float> out);
WASSERKERN_API void interpolate(CudaStream&, Draw, Matrix<const float> x, Matrix<const float> y, Matrix<float> out);

}  // namespace wasserkern
