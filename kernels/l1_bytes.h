#pragma once

#include <cstdint>

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

// Distances between images as they are stored: l1 of bytes is exact in integers, and machines have an instruction that
// sums eight or four absolute differences of bytes at once.

/// out_ij = sum_k |x_ik - y_jk|; overwrites. x [m,d], y [n,d], out [m,n]; throws ShapeError, also when 255 d could
/// leave the range of int32.
WASSERKERN_API void l1_bytes(CpuStream&, Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out);
WASSERKERN_API void l1_bytes(CudaStream&, Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out);

/// out[j] = min_i scale |x_i - y_j|_1 - phi[i] and its lowest minimiser, by the contract of c_transform
/// (kernels/c_transform.h); the distance is exact until it becomes a float. `scale` is what a step of a byte is in the
/// units of phi: 2/255 for pixels in [-1, 1]. The bits are the same on every device. Throws ShapeError as l1_bytes
/// does.
WASSERKERN_API void c_transform_bytes(CpuStream&, float scale, Matrix<const uint8_t> x, Vector<const float> phi,
                                      Matrix<const uint8_t> y, Vector<float> out, Vector<int32_t> argmin);
WASSERKERN_API void c_transform_bytes(CudaStream&, float scale, Matrix<const uint8_t> x, Vector<const float> phi,
                                      Matrix<const uint8_t> y, Vector<float> out, Vector<int32_t> argmin);

}  // namespace wasserkern
