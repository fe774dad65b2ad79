#pragma once

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

// Anil, Lucas and Grosse 2019, section 4: activations that sort. A row's columns fall into groups of neighbours; `size`
// 2 is MaxMin. All matrices have one shape; throw ShapeError.

/// y = x with every group of `size` columns sorted ascending, and the columns of x that its values came from: y_ij =
/// x_i,origin_ij. Equal values keep their order, and NaN come last. Overwrites both. For groups of a few dozen: a GPU
/// compares every pair of a group.
WASSERKERN_API void group_sort(CpuStream&, int64_t size, Matrix<const float> x, Matrix<float> y,
                               Matrix<int32_t> origin);
WASSERKERN_API void group_sort(CudaStream&, int64_t size, Matrix<const float> x, Matrix<float> y,
                               Matrix<int32_t> origin);

/// out_ij = x_i,origin_ij, and its transpose and inverse, out_i,origin_ij = x_ij, for an origin that names each column
/// of a row once; overwrite.
WASSERKERN_API void permute_columns(CpuStream&, Matrix<const float> x, Matrix<const int32_t> origin, Matrix<float> out);
WASSERKERN_API void permute_columns(CudaStream&, Matrix<const float> x, Matrix<const int32_t> origin,
                                    Matrix<float> out);
WASSERKERN_API void restore_columns(CpuStream&, Matrix<const float> x, Matrix<const int32_t> origin, Matrix<float> out);
WASSERKERN_API void restore_columns(CudaStream&, Matrix<const float> x, Matrix<const int32_t> origin,
                                    Matrix<float> out);

}  // namespace wasserkern
