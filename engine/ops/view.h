#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

/// The same values under another shape of the same size.
WASSERKERN_API Tensor reshape(const Tensor& x, const Shape& shape);
/// The rows [begin, end) of the first axis, sharing memory.
WASSERKERN_API Tensor slice_rows(const Tensor& x, int64_t begin, int64_t end);
/// The rows of a, then those of b; a copy. Throws ShapeError unless all other extents agree.
WASSERKERN_API Tensor concatenate_rows(const Tensor& a, const Tensor& b);

}  // namespace wasserkern
