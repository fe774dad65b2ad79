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
WASSERKERN_INLINE float sign(float x) { return ::copysignf(::fabsf(x) > 0 ? 1.0f : x, x); }
/// log2(0) = -infinity.
WASSERKERN_INLINE float log2(float x) { return ::log2f(x); }
/// exp2(-infinity) = 0.
WASSERKERN_INLINE float exp2(float x) { return ::exp2f(x); }
#if defined(__CUDA_ARCH__)
/// x^exponent for x >= 0 and exponent > 0, to a few units in the last place, in some twenty instructions without a
/// branch or a call. The power of a subnormal x is x; powers from 2^127 on may be infinite.
__device__ __forceinline__ float power(float x, float exponent) {
  constexpr float kRound = 12582912;  // 1.5 2^23: a float next to it has no fraction
  // x = mantissa 2^e with the mantissa in [2/3, 4/3), and 2^(e exponent) = 2^whole 2^fraction exactly: so no digits are
  // lost to a large logarithm, and those of the hardware's log2 and exp2 near 0 are enough.
  const int bits = __float_as_int(x);
  const int above = (bits - 0x3F2AAAAB) & 0xFF800000;
  const float mantissa = __int_as_float(bits - above);
  const float e = __int_as_float((above >> 23) + __float_as_int(kRound)) - kRound;
  const float rounded = ::fmaf(exponent, e, kRound);
  const float fraction = ::fmaf(exponent, e, kRound - rounded);
  float logarithm, result;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(logarithm) : "f"(mantissa));
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(::fmaf(exponent, logarithm, fraction)));
  const int whole = __float_as_int(rounded) - __float_as_int(kRound);
  result *= __int_as_float(((whole < -127 ? -127 : whole > 128 ? 128 : whole) + 127) << 23);
  const bool normal = static_cast<unsigned>(bits - 0x00800000) < 0x7F000000u;
  return normal ? result : x;  // 0, infinity and NaN are their own powers
}
#else
/// x^exponent for x >= 0 and exponent > 0; exact where exp2(log2(x) exponent) would lose the digits of a large
/// logarithm.
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
