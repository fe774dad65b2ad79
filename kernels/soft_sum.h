#pragma once

#include <cfloat>
#include <cstdint>

#include "kernels/cost/math.h"

namespace wasserkern {

/// 2^x as a sum: near x = 0 `one` is 1 and `rest` keeps the digits of 2^x - 1, elsewhere `one` is 0.
template <class V>
struct SplitPower {
  V one;
  V rest;
};

WASSERKERN_INLINE SplitPower<float> split_exp2(float x) {
#if defined(__CUDA_ARCH__)
  // Without a branch: Taylor's series of 2^x - 1 at 0, off by 2e-8 of it at most where |x| < 1/2.
  float series = 1.5252734e-5f;
  series = ::fmaf(series, x, 1.5403530e-4f);
  series = ::fmaf(series, x, 1.3333558e-3f);
  series = ::fmaf(series, x, 9.6181291e-3f);
  series = ::fmaf(series, x, 5.5504109e-2f);
  series = ::fmaf(series, x, 2.4022651e-1f);
  series = ::fmaf(series, x, 6.9314718e-1f);
  const bool small = ::fabsf(x) < 0.5f;
  return {small ? 1.0f : 0.0f, small ? series * x : exp2(x)};
#else
  constexpr float kLn2 = 0.693147181f;
  if (x > -0.5f && x < 0.5f) return {1, ::expm1f(kLn2 * x)};
  return {0, exp2(x)};
#endif
}

/// sum_i exp((v_i - largest) / epsilon) = ones + rest, with `ones` the number of terms near 1: the sum is exact both
/// where epsilon is small and few terms count, and where it is large and all are nearly 1. V is float or a SIMD vector;
/// scale is that of soft_sum_scale. A value of -infinity drops out, infinity counts as the largest float.
template <class V>
struct SoftSum {
  V largest;
  V ones;
  V rest;

  static WASSERKERN_INLINE SoftSum none() { return {V(-FLT_MAX), V(0.0f), V(0.0f)}; }

  /// What `largest` must be raised to before `value` is added.
  static WASSERKERN_INLINE V larger_of(V largest, V value) {
    const V most(FLT_MAX);
    const V larger = select_greater(value, largest, value, largest);  // not NaN
    return select_greater(larger, most, most, larger);
  }
  WASSERKERN_INLINE void raise(V to, V scale) {
    const SplitPower<V> factor = split_exp2((largest - to) * scale);
    rest = multiply_add(factor.rest, ones + rest, factor.one * rest);
    ones = factor.one * ones;
    largest = to;
  }
  WASSERKERN_INLINE void add(V value, V scale) {
    const V most(FLT_MAX);
    const SplitPower<V> term = split_exp2((select_greater(value, most, most, value) - largest) * scale);
    ones = ones + term.one;
    rest = rest + term.rest;
  }
  WASSERKERN_INLINE void join(SoftSum other, V scale) {
    const V to = larger_of(largest, other.largest);
    raise(to, scale);
    other.raise(to, scale);
    ones = ones + other.ones;
    rest = rest + other.rest;
  }
};

/// log2(e) / epsilon.
WASSERKERN_INLINE float soft_sum_scale(float epsilon) {
  const float scale = 1.44269504f / epsilon;
  return scale < FLT_MAX ? scale : FLT_MAX;
}

/// -epsilon ln( (1/count) sum_i exp(v_i / epsilon) ).
WASSERKERN_INLINE float soft_minimum(const SoftSum<float>& sum, int64_t count, float epsilon) {
  if (sum.largest >= FLT_MAX) return -HUGE_VALF;
  const auto terms = static_cast<double>(count);
  const double mean_less_1 = ((sum.ones - terms) + sum.rest) / terms;
  return static_cast<float>(-sum.largest - epsilon * ::log1p(mean_less_1));
}

}  // namespace wasserkern
