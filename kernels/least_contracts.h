#pragma once

#include <string>

#include "kernels/check.h"
#include "kernels/least_entries.h"

namespace wasserkern {

inline void check_least_entries(Matrix<const float> costs, const RowSearches& searches, Vector<const float> price,
                                Matrix<const float> values, Matrix<const int32_t> columns) {
  constexpr int64_t kMost = 64;
  check_equal("least_entries: size of first_columns", searches.first_columns.size, searches.rows.size);
  check_equal("least_entries: size of bounds", searches.bounds.size, searches.rows.size);
  check_equal("least_entries: size of price", price.size, costs.columns);
  check_equal("least_entries: rows of values", values.rows, searches.rows.size);
  check_equal("least_entries: rows of columns", columns.rows, searches.rows.size);
  check_equal("least_entries: columns of values", values.columns, columns.columns);
  if (columns.columns < 1 || columns.columns > kMost || columns.columns > costs.columns)
    throw ShapeError("least_entries: " + std::to_string(columns.columns) + " of " + std::to_string(costs.columns) +
                     " columns; 1 to 64 of those that there are can be found");
}

inline void check_reduced_minima(Matrix<const float> costs, Vector<const double> potential, Vector<const double> out) {
  check_equal("reduced_minima: size of potential", potential.size, costs.columns);
  check_equal("reduced_minima: size of out", out.size, costs.rows);
  if (costs.columns < 1) throw ShapeError("reduced_minima: a minimum needs at least 1 column");
}

}  // namespace wasserkern
