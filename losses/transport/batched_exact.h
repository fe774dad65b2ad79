#pragma once

#include <cstdint>
#include <vector>

#include "engine/array.h"
#include "engine/tensor.h"
#include "kernels/assignment.h"
#include "kernels/cost/cost.h"
#include "kernels/export.h"

namespace wasserkern::losses {

/// What transport costs at least, in each of several problems between n sources and n targets of mass 1/n each: then
/// some optimal coupling is an assignment. It lies on the device, and can be had inside a phase; what it costs is read
/// between phases.
struct WASSERKERN_API BatchedExact {
  /// Row r of all sources goes to row assignment[r] of all targets; both count through the problems.
  Array<int32_t> assignment;
  /// Potentials of all sources and targets; u_i + v_j <= c_ij within a problem.
  Array<double> source_potential, target_potential;
  Array<AssignmentValue> sums;

  int64_t problems() const { return sums.size(); }
  /// The mean cost of each problem. Throws DataError where costs are not finite, and Error where the optimum could not
  /// be certified: all pairs were seen to be admissible, in double, and the bound that follows agrees to 1e-9.
  std::vector<double> certified_values() const;
};

/// x, y [problems, n, ...]. Costs exist for some problems at a time: as many as caches hold, or keep a GPU busy. Throws
/// ShapeError, also for n = 0 or more than kMostAssigned, for which there is exact_transport.
WASSERKERN_API BatchedExact batched_exact_transport(const Cost& cost, const Tensor& x, const Tensor& y);

/// The same for given costs [problems, n, n].
WASSERKERN_API BatchedExact batched_exact_transport(const Tensor& costs);

/// The mean cost of each problem's assignment, [problems]; NaN or infinite where a cost is. Of an optimal assignment,
/// its derivatives in x and y are those of the optimal value: the envelope theorem holds the assignment still.
WASSERKERN_API Tensor assignment_cost(const Cost& cost, const Tensor& x, const Tensor& y,
                                      const Array<int32_t>& assignment);

}  // namespace wasserkern::losses
