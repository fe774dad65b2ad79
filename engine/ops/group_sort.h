#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

/// x [n, ...] with the values of every example sorted ascending in groups of `size` neighbours, which must divide them:
/// GroupSort, and with 2 MaxMin. It has the slope 1 everywhere. Differentiable any number of times, the order of the
/// values held still; equal values keep their order. Throws ShapeError.
WASSERKERN_API Tensor group_sort(const Tensor& x, int64_t size);

}  // namespace wasserkern
