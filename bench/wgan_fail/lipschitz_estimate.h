#pragma once

#include <algorithm>

#include "losses/objectives/gradient_penalty.h"

namespace wasserkern::bench {

/// Paper 004, remark 3: the steepest slope of a critic over points [n, ...], a lower bound of its Lipschitz constant,
/// and so what estimates are divided by for an upper bound of what they estimate. Between phases; some points at a
/// time.
inline double lipschitz_estimate(const losses::Critic& critic, const Tensor& points) {
  constexpr int64_t kAtOnce = 500;
  const int64_t count = points.shape().rows();
  float steepest = 0;
  for (int64_t from = 0; from < count; from += kAtOnce)
    for (const float slope :
         losses::slopes(critic, points.viewed_rows(from, std::min(from + kAtOnce, count))).to_host())
      steepest = std::max(steepest, slope);
  return steepest;
}

}  // namespace wasserkern::bench
