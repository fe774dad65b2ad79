#pragma once

#include <cstdint>

#include "kernels/cost/math.h"
#include "kernels/cuda/warp.cuh"

namespace wasserkern::cuda {

/// The terms of one pair, summed in units of `unit`.
struct PairSum {
  float sum;
  float unit;
};

/// Summed by `lanes` lanes, one or a whole warp; this one takes every lanes-th coordinate from `lane`.
template <int kLanes, class Form>
__device__ PairSum pair_sum(const Form& cost, const float* x, const float* y, int64_t d, int lane) {
  float sum = 0;
#pragma unroll(kLanes == 1 ? 1 : 4)
  for (int64_t k = lane; k < d; k += kLanes) sum = cost.add_term(sum, x[k], y[k]);
  sum = warp_sum<kLanes>(sum);
  if (cost.trusted(sum)) return {sum, 1};

  float largest = 0;
#pragma unroll(kLanes == 1 ? 1 : 4)
  for (int64_t k = lane; k < d; k += kLanes) largest = fmaxf(largest, fabsf(y[k] - x[k]));
  const float unit = unit_near(warp_max<kLanes>(largest));
  const float reciprocal = 1 / unit;
  sum = 0;
#pragma unroll(kLanes == 1 ? 1 : 4)
  for (int64_t k = lane; k < d; k += kLanes) sum = cost.add_term(sum, 0.0f, (y[k] - x[k]) * reciprocal);
  return {warp_sum<kLanes>(sum), unit};
}

/// What the derivatives of a pair are made from; called as pair_sum.
template <int kLanes, class Form>
__device__ auto slope_of(const Form& cost, const float* x, const float* y, int64_t d, int lane) {
  const PairSum pair = cost.slope_needs_sum() ? pair_sum<kLanes>(cost, x, y, d, lane) : PairSum{1, 1};
  return cost.slope(pair.sum, pair.unit);
}

}  // namespace wasserkern::cuda
