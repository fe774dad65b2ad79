#pragma once

#include <cstdint>

#include "kernels/cuda/filter_bounds.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/warp.cuh"
#include "kernels/view.h"

namespace wasserkern::cuda {

/// Values as they are: no rounded copy of them is made.
struct Unrounded {
  using Word = void;
};

/// bounding_norm of each row, and with a rounding that has Words the rows in it, `pitch` words apart, filled up with
/// zeros. Norms and copies go on to `padded` rows, whose distance from anything is infinite. A warp takes a row.
///
/// Limit: 4 bytes read and a Word written a value, once for all columns that the copies are multiplied with.
template <class Rounding>
__global__ void bounding_norms_kernel(Matrix<const float> rows, FilterErrors errors, float* norms, int64_t padded,
                                      typename Rounding::Word* copies, int64_t pitch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int64_t row = grid_thread() / kWarp; row < padded; row += grid_threads() / kWarp) {
    const bool exists = row < rows.rows;
    const int64_t length = exists ? rows.columns : 0;
    float sum = 0;
#pragma unroll 4
    for (int64_t k = lane; k < length; k += kWarp) {
      const float value = rows.data[row * rows.stride + k];
      sum = fmaf(value, value, sum);
      if constexpr (requires { Rounding::round(value); }) copies[row * pitch + k] = Rounding::round(value);
    }
    if constexpr (requires { Rounding::round(sum); })
      for (int64_t k = length + lane; k < pitch; k += kWarp) copies[row * pitch + k] = 0;
    sum = warp_sum(sum);
    if (lane == 0) norms[row] = exists ? bounding_norm(sum, errors) : __int_as_float(0x7F800000);
  }
}

}  // namespace wasserkern::cuda
