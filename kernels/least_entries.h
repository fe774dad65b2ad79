#pragma once

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

// What exact transport asks about rows of a cost matrix: who may be best for a row, and what the best is.

/// Rows of a matrix [m,n] that are searched, [r] of them. The search of a row begins at its first column and goes on
/// from the last to column 0; of equal sums the first that is met comes first. Different starts keep rows with ties
/// apart. At least k sums must be known to be at most the row's bound, which saves looking at others; infinity is one.
struct RowSearches {
  Vector<const int32_t> rows;
  Vector<const int32_t> first_columns;
  Vector<const float> bounds;
};

/// The k = columns.columns columns j of least costs(i, j) + price[j], the sum in float, ascending, for the r rows i
/// that are searched: their costs(i, j) and j. costs [m,n], price [n], values and columns [r,k], overwritten; 1 <= k <=
/// min(64, n). A NaN comes first. Throws ShapeError.
WASSERKERN_API void least_entries(CpuStream&, Matrix<const float> costs, const RowSearches& searches,
                                  Vector<const float> price, Matrix<float> values, Matrix<int32_t> columns);
WASSERKERN_API void least_entries(CudaStream&, Matrix<const float> costs, const RowSearches& searches,
                                  Vector<const float> price, Matrix<float> values, Matrix<int32_t> columns);

/// out[i] = min_j costs(i, j) - potential[j] in double; NaN if a cost of the row is not finite. costs [m,n], n >= 1,
/// potential [n], out [m], overwritten. Throws ShapeError.
WASSERKERN_API void reduced_minima(CpuStream&, Matrix<const float> costs, Vector<const double> potential,
                                   Vector<double> out);
WASSERKERN_API void reduced_minima(CudaStream&, Matrix<const float> costs, Vector<const double> potential,
                                   Vector<double> out);

}  // namespace wasserkern
