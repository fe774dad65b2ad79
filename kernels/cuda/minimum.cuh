#pragma once

#include <cstdint>

#include "kernels/cuda/launch.cuh"
#include "kernels/view.h"

// Minima over candidates by the contract of kernels/c_transform.h, joined in any order.

namespace wasserkern::cuda {

/// A minimum and the row of x where it is taken.
struct Minimum {
  float value;
  int32_t place;

  /// Takes `other` if it is NaN and this is not, or smaller, or as small at a lower place.
  __device__ __forceinline__ void join(Minimum other) {
    const bool nan = value != value, other_nan = other.value != other.value;
    const bool wins =
        nan != other_nan ? other_nan : other.value < value || (!(other.value > value) && other.place < place);
    if (wins) *this = other;
  }
};

__device__ __forceinline__ Minimum no_minimum() { return {__int_as_float(0x7F800000), 0}; }

/// For ColumnFold.
struct JoinMinima {
  __device__ __forceinline__ void operator()(Minimum& minimum, Minimum other) const { minimum.join(other); }
};

/// The minima over all parts, values and places [parts, out.size]; one thread per column.
static __global__ void join_parts_kernel(int64_t parts, const float* values, const int32_t* places, Vector<float> out,
                                         int32_t* argmin) {
  for (int64_t column = grid_thread(); column < out.size; column += grid_threads()) {
    Minimum minimum = no_minimum();
    for (int64_t part = 0; part < parts; ++part)
      minimum.join({values[part * out.size + column], places[part * out.size + column]});
    out.data[column] = minimum.value;
    argmin[column] = minimum.place;
  }
}

}  // namespace wasserkern::cuda
