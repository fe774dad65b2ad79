#pragma once

#include <cstdint>

#include "kernels/cost/math.h"

// Bounds of a cost from |x|^2 + |y|^2 - 2 x y, which cancels for near points.
//
// With u = 2^-24, any order of summation and d <= kMostCoordinates, a computed |x|^2 is off by a share of at most 1.01
// d u, and a product x y by a share of |x| |y| <= (|x|^2 + |y|^2) / 2 that depends on its precision (Higham 2002,
// chapter 3):
// - fp32: 1.01 d u.
// - Factors rounded to nearest: each is off by 2^-11 of it as TF32 (11 significant bits), by 2^-8 as bf16 (8 bits).
//   A library may cut the bits off instead: 2^-10 as TF32.
// - Sums of tensor cores: each step adds 4 to 16 exact products to the sum, aligned to the largest of them and cut to
//   24 bits or more, so a step of s products loses at most (s + 2) 2^-23 of |x| |y|: at most 1.5 2^-23 a coordinate,
//   for which 4 u are taken.
// So |x|^2 + |y|^2 - 2 x y is computed to (1.01 d u + share + 16 u) (|x|^2 + |y|^2); 16 u are more than the roundings
// of the expansion itself. A direct sum, in the order of coordinates, is off by a share of 1.01 (d + 3) u of the
// distance.

namespace wasserkern::cuda {

constexpr int64_t kMostCoordinates = 65536;

/// Whether bounds of the distance serve a cost: where they do it grows with the distance.
template <class Form>
constexpr bool of_squared_distance() {
  if constexpr (requires { Form::kOfSquaredDistance; }) return Form::kOfSquaredDistance;
  return false;
}

// Each route goes over columns and candidates in panels. Of some candidates of a panel, spread evenly, only the bounds
// are taken first: that many more products buy a promise that few others survive, in whatever order they come.
constexpr int kSampled = 16;  // one in so many

/// How a product of rows is computed.
enum class Precision { Fp32, CutTf32, Tf32, Bf16 };

/// The shares by which what bounds are made from may be off.
struct FilterErrors {
  float expansion;  // |x|^2 + |y|^2 - 2 x y, as a share of |x|^2 + |y|^2
  float direct;     // a direct sum and a cost's `finish`, as a share of the distance

  FilterErrors(Precision precision, int64_t d) {
    constexpr float kRounding = 5.9604645e-8f;
    const auto coordinates = static_cast<float>(d);
    const float factors = precision == Precision::CutTf32 ? 1.01f / 512
                          : precision == Precision::Tf32  ? 1.01f / 1024
                          : precision == Precision::Bf16  ? 1.01f / 128
                                                          : 0.0f;
    const float sums = precision == Precision::Fp32 ? 1.01f : 4.0f;
    expansion = factors + ((1.01f + sums) * coordinates + 16) * kRounding;
    direct = (1.01f * coordinates + 64) * kRounding;
  }
};

constexpr float kUnderflow = 1e-32f;   // more than 2 kMostCoordinates sums lose below 2^-126, where all may be flushed
constexpr float kLargestNorm = 1e37f;  // above it sums may overflow

/// What of a squared norm bounds are made from: less the error of a distance that is made from it; NaN where it might
/// overflow, so that no bound holds.
__device__ __forceinline__ float bounding_norm(float norm, FilterErrors errors) {
  return norm < kLargestNorm ? norm * (1 - errors.expansion) - kUnderflow : __int_as_float(0x7FFFFFFF);
}

/// Bounds of the value cost - phi as direct differences give it.
template <class Form>
struct ValueBounds {
  Form cost;
  float least_share;
  float largest_share;
  float gap;     // between the bounds of a distance, as a share of the norms: twice the error, which is below 0.04
  float factor;  // least_share times the cost's proportion to the squared distance; 0 for a cost that has none

  ValueBounds(const Form& form, FilterErrors errors)
      : cost(form),
        least_share(1 - errors.direct),
        largest_share(1 + errors.direct),
        gap(2.1f * errors.expansion),
        factor(0) {
    if constexpr (requires { form.proportion(); }) factor = form.proportion() * least_share;
  }

  __device__ __forceinline__ bool proportional() const { return factor > 0; }

  /// The least that the squared distance may be; `norms` is the sum of two bounding norms.
  static __device__ __forceinline__ float distance(float norms, float product) { return fmaf(-2.0f, product, norms); }

  /// Not more than the value of a pair. NaN where nothing is known. The subtraction stays one of its own, as in every
  /// value of a c-transform: fused with what `finish` multiplies last it would have other bits.
  __device__ __forceinline__ float least(float distance, float phi) const {
    return __fsub_rn(cost.finish(wasserkern::max(distance, 0.0f) * least_share, 1.0f), phi);
  }
  /// The same for proportional costs, in one instruction: it rounds something smaller once.
  __device__ __forceinline__ float least_by_factor(float distance, float phi) const {
    return fmaf(distance, factor, -phi);
  }
  /// Not less than the value of a pair.
  __device__ __forceinline__ float largest(float distance, float norms, float phi) const {
    const float most = fmaf(gap, fabsf(norms), distance) + 4 * kUnderflow;
    return __fsub_rn(cost.finish(wasserkern::max(most, 0.0f) * largest_share, 1.0f), phi);
  }
};

}  // namespace wasserkern::cuda
