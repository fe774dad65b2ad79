#pragma once

#include "engine/array.h"
#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

/// The sum of all elements; a scalar.
WASSERKERN_API Tensor sum(const Tensor& x);
/// The mean of all elements; a scalar. Throws ShapeError when there are none.
WASSERKERN_API Tensor mean(const Tensor& x);
/// [rows, ...] to [1, ...], a row, and to [rows, 1], a column: the sums over the first axis, and over all others.
WASSERKERN_API Tensor sum_over_rows(const Tensor& x);
WASSERKERN_API Tensor sum_over_columns(const Tensor& x);

/// x repeated to `shape`, and its transpose: a tensor of `shape` summed down to what was repeated.
WASSERKERN_API Tensor broadcast_to(const Tensor& x, const Shape& shape);
WASSERKERN_API Tensor sum_to(const Tensor& x, const Shape& shape);

/// How many different values `index` holds, each in [0, range); a scalar, outside the tape.
WASSERKERN_API Tensor count_distinct(const Array<int32_t>& index, int64_t range);

}  // namespace wasserkern
