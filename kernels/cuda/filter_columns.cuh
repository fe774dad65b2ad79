#pragma once

#include <cstdint>

#include "kernels/cuda/minimum.cuh"

// What a filter knows of the columns of a cost matrix: of each the least value that is promised so far, and the
// candidates that no promise has ruled out. Promises only sink and every candidate that may be minimal is kept, so the
// answer does not depend on the order in which blocks work, though the list of survivors does.

namespace wasserkern::cuda {

/// Of a column; a column with more is swept by direct differences.
constexpr unsigned kMostSurvivors = 128;

/// Whole numbers in the order of floats other than NaN; all are above 0.
__device__ __forceinline__ unsigned ordered(float value) {
  const unsigned bits = __float_as_uint(value);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float of_ordered(unsigned key) {
  return __uint_as_float(key & 0x80000000u ? key & 0x7FFFFFFFu : ~key);
}

/// Minima as whole numbers whose least is what Minimum::join keeps.
__device__ __forceinline__ unsigned long long key_of(Minimum minimum) {
  const float value = minimum.value == 0 ? 0.0f : minimum.value;  // zeros are equal
  const unsigned high = value != value ? 0u : ordered(value);
  return static_cast<unsigned long long>(high) << 32 | static_cast<unsigned>(minimum.place);
}
__device__ __forceinline__ Minimum of_key(unsigned long long key) {
  const auto high = static_cast<unsigned>(key >> 32);
  return {high ? of_ordered(high) : __int_as_float(0x7FFFFFFF), static_cast<int32_t>(key)};
}

/// A candidate that was not ruled out, and the least its value may be.
struct Survivor {
  int32_t place;
  float least;
};

struct FilterColumns {
  int64_t size;
  float* norms;              // from bounding_norm
  unsigned* promise;         // ordered(); -infinity once a column has too many survivors: no more are taken
  unsigned* count;           // of survivors, also of those that there was no place for
  Survivor* survivors;       // [size, kMostSurvivors]
  unsigned long long* best;  // key_of() what is decided

  /// The value that some candidate of the column is sure to have or to be below. Others lower it meanwhile.
  __device__ __forceinline__ float promised(int64_t column) const {
    return of_ordered(static_cast<const volatile unsigned*>(promise)[column]);
  }

  __device__ __forceinline__ bool overflowed(int64_t column) const { return count[column] > kMostSurvivors; }

  /// Keeps a candidate that may be minimal.
  __device__ __forceinline__ void keep(int64_t column, Survivor survivor) const {
    const unsigned place = atomicAdd(count + column, 1u);
    if (place < kMostSurvivors)
      survivors[column * kMostSurvivors + place] = survivor;
    else if (place == kMostSurvivors)
      atomicMin(promise + column, ordered(__int_as_float(0xFF800000)));
  }

  /// Lowers a column's promise; returns what is promised now.
  __device__ __forceinline__ float lower(int64_t column, float bound, float value) const {
    if (!(value < bound)) return bound;  // nor for NaN
    return fminf(value, of_ordered(atomicMin(promise + column, ordered(value))));
  }
};

/// No survivor, nothing promised; columns up to `padded` are ruled out.
static __global__ void clear_columns_kernel(FilterColumns columns, int64_t padded) {
  for (int64_t column = grid_thread(); column < padded; column += grid_threads()) {
    columns.promise[column] = ordered(__int_as_float(column < columns.size ? 0x7F800000 : 0xFF800000));
    columns.count[column] = 0;
  }
}

}  // namespace wasserkern::cuda
