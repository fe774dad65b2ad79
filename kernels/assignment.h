#pragma once

#include <cstdint>

#include "kernels/cost/math.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// Rows and columns that one assignment problem may have: on a GPU its potentials and paths lie in a block's shared
/// memory. Larger ones are for the exact solver on the host.
constexpr int64_t kMostAssigned = 1024;

/// What an assignment costs and what any one costs at least, summed in double. NaN where costs are not finite.
struct AssignmentValue {
  double cost;
  double lower_bound;  // the sum of the potentials, less n times the most by which u_i + v_j exceeds some c_ij
  double size;         // the sum of the |costs| assigned

  WASSERKERN_INLINE bool certified() const { return cost - lower_bound <= 1e-9 * size; }
};

/// Answers to problems of n rows and n columns each. Row r of all is assigned columns[r], counted through all problems
/// too, so that it gathers points: row i of problem b has the column columns[b n + i] - b n of its own. Potentials are
/// admissible, u_i + v_j <= c_ij, and tight on the assignment, up to rounding.
struct Assignments {
  Vector<int32_t> columns;          // [problems n]
  Vector<double> row_potential;     // u [problems n]
  Vector<double> column_potential;  // v [problems n]
  Vector<AssignmentValue> value;    // [problems]
  int64_t rows_before = 0;          // of other problems, which columns count as well
};

/// Assigns each row a column of its own, at the least total cost, in as many problems at once; costs [problems n, n],
/// out is overwritten. Exact in double: shortest augmenting paths, and a check over all pairs. Of a problem with costs
/// that are not finite the assignment is some permutation through one of them, and all else is NaN. Throws ShapeError,
/// also for n above kMostAssigned.
WASSERKERN_API void assignment(CpuStream&, int64_t problems, Matrix<const float> costs, const Assignments& out);
WASSERKERN_API void assignment(CudaStream&, int64_t problems, Matrix<const float> costs, const Assignments& out);

}  // namespace wasserkern
