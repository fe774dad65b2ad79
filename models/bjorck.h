#pragma once

#include <cstdint>

#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern::models {

/// Björck and Bowie's iteration (1971) of order 1, as Anil, Lucas and Grosse 2019 use it: W to (1 + beta) W - beta W W'
/// W brings every singular value in (0, 1] nearer to 1 and none above it.
struct Bjorck {
  int64_t iterations = 20;
  float beta = 0.5f;  // in (0, 1/2]
};

/// A matrix [rows, columns] with the singular vectors of `weight`, and singular values that are 1 as far as the
/// iterations go and never more but by rounding. With beta 1/2, i of them leave 1 - 1e-3 or more of those that are
/// above 1.5^(2.5 - i) of the l4 norm of all: 1 / 850 of it for 20. The weight's scale does not matter; 0 gives 0.
/// Differentiable any number of times, through all iterations. Throws UsageError.
WASSERKERN_API Tensor orthonormalised(const Tensor& weight, const Bjorck& rule = {});

}  // namespace wasserkern::models
