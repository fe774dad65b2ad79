#pragma once

#include <cmath>

#if defined(__CUDACC__)
#define WASSERKERN_INLINE __host__ __device__ __forceinline__
#else
#define WASSERKERN_INLINE inline __attribute__((always_inline))
#endif

/// The words in which ground costs are written. Here for float: the device's and the reference's value type;
/// kernels/cpu/simd.h and kernels/cpu/power.h have them for SIMD vectors.
namespace wasserkern {

WASSERKERN_INLINE float abs(float x) { return ::fabsf(x); }
WASSERKERN_INLINE float max(float x, float y) { return x < y ? y : x; }
WASSERKERN_INLINE float sqrt(float x) { return ::sqrtf(x); }
/// -1, 0 or 1; NaN for NaN.
WASSERKERN_INLINE float sign(float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : x * 0.0f; }
/// log2(0) = -infinity.
WASSERKERN_INLINE float log2(float x) { return ::log2f(x); }
/// exp2(-infinity) = 0.
WASSERKERN_INLINE float exp2(float x) { return ::exp2f(x); }
/// x^exponent for x >= 0; exact where exp2(log2(x) exponent) would lose the digits of a large logarithm.
#if defined(__CUDACC__)
/// A call on the device: dozens of copies in a tile's code would push everything else out of the instruction cache.
__host__ __device__ __noinline__ inline float power(float x, float exponent) { return ::powf(x, exponent); }
#else
WASSERKERN_INLINE float power(float x, float exponent) { return ::powf(x, exponent); }
#endif
/// x y + z, fused where the machine does it as fast.
WASSERKERN_INLINE float multiply_add(float x, float y, float z) {
#if defined(__CUDA_ARCH__)
  return ::fmaf(x, y, z);
#else
  return x * y + z;
#endif
}
/// a where x > y, else b.
WASSERKERN_INLINE float select_greater(float x, float y, float a, float b) { return x > y ? a : b; }
/// Whether a condition holds in every lane.
WASSERKERN_INLINE bool all(bool condition) { return condition; }

/// The power of two nearest to `largest` by ratio, so that q-th powers of quotients stay in range; 1 for 0, infinity
/// and NaN. Its reciprocal is exact.
WASSERKERN_INLINE float unit_near(float largest) {
  if (!(largest > 0) || largest - largest != 0) return 1;
  int exponent = 0;
  const float mantissa = ::frexpf(largest, &exponent);
  if (mantissa < 0.70710678f) --exponent;
  return ::ldexpf(1, exponent < -126 ? -126 : exponent > 126 ? 126 : exponent);
}

}  // namespace wasserkern
