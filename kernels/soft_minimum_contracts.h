#pragma once

#include <string>

#include "kernels/contracts.h"
#include "kernels/matmul.h"

namespace wasserkern {

inline void check_soft_minimum(float epsilon, int64_t problems, const Factor& costs, Vector<const float> phi,
                               Vector<const float> out) {
  check_epsilon("soft_minimum", epsilon);
  const int64_t rows = costs.matrix.rows, columns = costs.matrix.columns;
  if (problems < 0 || (problems == 0 ? rows : rows % problems) != 0)
    throw ShapeError("soft_minimum: " + std::to_string(rows) + " rows of costs do not divide into " +
                     std::to_string(problems) + " problems");
  check_equal("soft_minimum: size of phi", phi.size, costs.transposed ? problems * columns : rows);
  check_equal("soft_minimum: size of out", out.size, costs.transposed ? rows : problems * columns);
  if (problems > 0 && phi.size < 1) throw ShapeError("soft_minimum: no costs to choose from; a mean needs at least 1");
}

}  // namespace wasserkern
