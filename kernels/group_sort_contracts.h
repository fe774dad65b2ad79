#pragma once

#include <limits>
#include <string>

#include "kernels/contracts.h"
#include "kernels/cost/math.h"

/// What sorting within groups asks of its arguments, and what sorted means, on both backends.
namespace wasserkern {

/// Of two values of a group, whether the first belongs before the second in any case: less, or not the NaN of the two.
WASSERKERN_INLINE bool sorts_before(float a, float b) { return a < b || (b != b && a == a); }

inline void check_origin(const char* what, Matrix<const int32_t> origin, Matrix<const float> x) {
  check_equal((std::string(what) + ": rows of origin").c_str(), origin.rows, x.rows);
  check_equal((std::string(what) + ": columns of origin").c_str(), origin.columns, x.columns);
}

inline void check_permutation(const char* what, Matrix<const float> x, Matrix<const int32_t> origin,
                              Matrix<const float> out) {
  check_origin(what, origin, x);
  check_same_shape((std::string(what) + ": shape of out").c_str(), out, x);
}

inline void check_group_sort(int64_t size, Matrix<const float> x, Matrix<const float> y, Matrix<const int32_t> origin) {
  if (size < 1 || x.columns % size != 0 || x.columns > std::numeric_limits<int32_t>::max())
    throw ShapeError("group_sort: rows of " + std::to_string(x.columns) + " values in groups of " +
                     std::to_string(size) + "; the size must divide them, of which there may be 2^31 - 1");
  check_origin("group_sort", origin, x);
  check_same_shape("group_sort: shape of y", y, x);
}

}  // namespace wasserkern
