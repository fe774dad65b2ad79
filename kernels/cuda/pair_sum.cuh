#pragma once

#include <cstdint>

#include "kernels/cost/math.h"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/warp.cuh"

namespace wasserkern::cuda {

/// The terms of one pair, summed in units of `unit`.
struct PairSum {
  float sum;
  float unit;
};

/// Calls add(x_k, y_k) for the coordinates of one lane: all of them, or every 32nd pack of four with zeros at the end,
/// which add nothing. `aligned` says that packs can be read at x and y; the order is the same if not.
template <int kLanes, class Add>
__device__ __forceinline__ void for_each_coordinate(const float* x, const float* y, int64_t d, int lane, bool aligned,
                                                    Add add) {
  if constexpr (kLanes == 1) {
#pragma unroll 1  // rare
    for (int64_t k = 0; k < d; ++k) add(x[k], y[k]);
  } else {
#pragma unroll 1  // a pack is as much as pays, with its way for rows that are not aligned
    for (int64_t k = 4 * lane; k < d; k += 4 * kLanes) {
      const auto from = Pack<4>::load_up_to(x + k, d - k, aligned);
      const auto to = Pack<4>::load_up_to(y + k, d - k, aligned);
      for (int i = 0; i < 4; ++i) add(from[i], to[i]);
    }
  }
}

/// Summed by kLanes lanes, one or a whole warp, of which this is `lane`.
template <int kLanes, class Form>
__device__ PairSum pair_sum(const Form& cost, const float* x, const float* y, int64_t d, int lane,
                            bool aligned = false) {
  const auto each = [&](auto add) { for_each_coordinate<kLanes>(x, y, d, lane, aligned, add); };
  float sum = 0;
  each([&](float a, float b) { sum = cost.add_term(sum, a, b); });
  sum = warp_sum<kLanes>(sum);
  if (cost.trusted(sum)) return {sum, 1};

  float largest = 0;
  each([&](float a, float b) { largest = fmaxf(largest, fabsf(b - a)); });
  const float unit = unit_near(warp_max<kLanes>(largest));
  const float reciprocal = 1 / unit;
  sum = 0;
  each([&](float a, float b) { sum = cost.add_term(sum, 0.0f, (b - a) * reciprocal); });
  return {warp_sum<kLanes>(sum), unit};
}

/// What the derivatives of a pair are made from; called as pair_sum.
template <int kLanes, class Form>
__device__ auto slope_of(const Form& cost, const float* x, const float* y, int64_t d, int lane, bool aligned = false) {
  const PairSum pair = cost.slope_needs_sum() ? pair_sum<kLanes>(cost, x, y, d, lane, aligned) : PairSum{1, 1};
  return cost.slope(pair.sum, pair.unit);
}

}  // namespace wasserkern::cuda
