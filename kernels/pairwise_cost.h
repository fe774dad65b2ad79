#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/matmul.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// out[i, j] = c(x_i, y_j); x [m,d], y [n,d], out [m,n]; overwrites. Throws ShapeError. NaN passes through.
WASSERKERN_API void pairwise_cost(CpuStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                  Matrix<float> out);
WASSERKERN_API void pairwise_cost(CudaStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                  Matrix<float> out);

/// As pairwise_cost, for many calls with few rows of x each: what y has to be turned into is made once. `packed` has
/// packed_targets_size(stream, y) elements, which may be none. Costs of a pair have the same bits in every call.
WASSERKERN_API int64_t packed_targets_size(CpuStream&, Matrix<const float> y);
WASSERKERN_API int64_t packed_targets_size(CudaStream&, Matrix<const float> y);
WASSERKERN_API void pack_targets(CpuStream&, Matrix<const float> y, Vector<float> packed);
WASSERKERN_API void pack_targets(CudaStream&, Matrix<const float> y, Vector<float> packed);
WASSERKERN_API void pairwise_cost_packed(CpuStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                         Vector<const float> packed, Matrix<float> out);
WASSERKERN_API void pairwise_cost_packed(CudaStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                         Vector<const float> packed, Matrix<float> out);

/// As many matrices at once, of equal shapes: that of problem b has the rows [b m, (b+1) m) of out, and is of the same
/// rows of x and the rows [b n, (b+1) n) of y; m = x.rows / problems, n = y.rows / problems = out.columns. Throws
/// ShapeError, also when the rows do not divide.
WASSERKERN_API void batched_pairwise_cost(CpuStream&, const Cost&, int64_t problems, Matrix<const float> x,
                                          Matrix<const float> y, Matrix<float> out);
WASSERKERN_API void batched_pairwise_cost(CudaStream&, const Cost&, int64_t problems, Matrix<const float> x,
                                          Matrix<const float> y, Matrix<float> out);

/// out_j = sum_i weights(i, j) (d/dy) c(x_i, y_j); x [m,d], y [n,d], out [n,d], overwritten; weights read as [m,n].
/// Ground costs are symmetric and functions of y - x, so the gradient in x is the same with x and y exchanged and the
/// weights transposed. Derivatives are 0 at kinks, as in paired_cost_gradient; a NaN reaches the sums that it is a term
/// of, also with weight 0. Sums have the same order on any number of threads. Throws ShapeError.
WASSERKERN_API void pairwise_cost_gradient(CpuStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                           Factor weights, Matrix<float> out);
WASSERKERN_API void pairwise_cost_gradient(CudaStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                           Factor weights, Matrix<float> out);

}  // namespace wasserkern
