#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "kernels/cost/cost.h"
#include "kernels/export.h"

namespace wasserkern::losses {

/// Points with masses: one side of a transport problem.
struct Measure {
  Tensor points;             // [n, ...]
  std::vector<double> mass;  // [n], 0 or more; none: each point has 1/n
};

/// Mass that goes from a source to a target.
struct Flow {
  int32_t source;
  int32_t target;
  double mass;
};

/// What transport between m sources and n targets costs at least, and why. Potentials u and v are admissible, u_i + v_j
/// <= c_ij, so that no coupling costs less than `dual`.
struct ExactTransport {
  std::vector<Flow> coupling;            // optimal; by source, then target; masses above 0
  std::vector<double> source_potential;  // u [m]
  std::vector<double> target_potential;  // v [n]
  double primal = 0;                     // sum_ij pi_ij c_ij
  double dual = 0;                       // sum_i a_i u_i + sum_j b_j v_j
  /// All pairs were seen to be admissible, in double, and primal and dual agree to 1e-9 of sum_ij pi_ij |c_ij|; or,
  /// should potentials be so large that double cannot tell, to 1e-15 of the dual's terms.
  bool certified = false;

  double gap() const { return primal - dual; }
};

/// Where costs come from.
enum class CostStorage {
  Matrix,  // all in one float matrix, 4 m n bytes
  Rows,    // taken again whenever a row is looked at: memory grows with m + n alone
  Auto     // the matrix, up to 4 GiB
};

/// Exact optimal transport for any masses and sizes. The problem solved is that of the float costs as pairwise_cost has
/// them, in exact arithmetic on masses and double on costs; the same for either storage. Throws ShapeError for measures
/// that do not fit their masses or each other, or that have no points; DataError for masses that are negative or not
/// finite, or whose sums differ by more than 1e-6 of themselves, and for costs that are not finite. Runs on the host,
/// with the costs' device and threads for passes over all pairs; throws inside a phase.
WASSERKERN_API ExactTransport exact_transport(const Cost& cost, const Measure& sources, const Measure& targets,
                                              CostStorage storage = CostStorage::Auto);

/// The same for a matrix of any finite costs [m, n]. No masses: equal ones, that sum to 1.
WASSERKERN_API ExactTransport exact_transport(const Tensor& costs, const std::vector<double>& source_mass = {},
                                              const std::vector<double>& target_mass = {});

/// sum_k mass_k c(x_source_k, y_target_k), of size 1. Of an optimal coupling, its derivatives in x and y are those of
/// the optimal value: the envelope theorem holds the coupling still. x [m, ...], y [n, ...].
WASSERKERN_API Tensor coupling_cost(const Cost& cost, const Tensor& x, const Tensor& y,
                                    const std::vector<Flow>& coupling);

}  // namespace wasserkern::losses
