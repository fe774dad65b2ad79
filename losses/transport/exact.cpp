#include "losses/transport/exact.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "engine/array.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"
#include "kernels/check.h"
#include "kernels/error.h"
#include "losses/transport/auction.h"
#include "losses/transport/integer_masses.h"
#include "losses/transport/shortest_paths.h"

namespace wasserkern::losses {
namespace {

constexpr double kTolerance = 1e-9, kRounding = 1e-15;
constexpr int64_t kLargestMatrix = int64_t{1} << 30;  // entries that are kept when nobody says

/// The sum of masses times potentials, and of its terms' sizes.
struct WeightedSum {
  long double sum = 0, size = 0;

  void add(const std::vector<int64_t>& masses, double unit, const std::vector<double>& potentials) {
    for (size_t i = 0; i < masses.size(); ++i) add(static_cast<double>(masses[i]) * unit * potentials[i]);
  }
  void add(double term) {
    sum += term;
    size += std::abs(term);
  }
};

/// The plan with its potentials, after a look at every pair: sources' potentials are the best that the targets' allow.
/// `rounding` is what may be lost of the dual value, relative to its terms.
ExactTransport checked(const CostRows& costs, const IntegerMasses& masses, const TransportPlan& plan, double rounding) {
  ExactTransport result;
  for (size_t j = 0; j < masses.target.size(); ++j) result.target_potential.push_back(-plan.price[j]);
  result.source_potential = costs.reduced_minima(result.target_potential);

  WeightedSum primal, dual;
  for (size_t j = 0; j < plan.shares.size(); ++j)
    for (const Share& share : plan.shares[j]) {
      const double mass = static_cast<double>(share.mass) * masses.unit;
      result.coupling.push_back({share.source, static_cast<int32_t>(j), mass});
      primal.add(mass * share.cost);
    }
  std::sort(result.coupling.begin(), result.coupling.end(),
            [](const Flow& a, const Flow& b) { return std::pair(a.source, a.target) < std::pair(b.source, b.target); });
  dual.add(masses.source, masses.unit, result.source_potential);
  dual.add(masses.target, masses.unit, result.target_potential);
  result.primal = static_cast<double>(primal.sum);
  result.dual = static_cast<double>(dual.sum);
  result.certified = std::abs(primal.sum - dual.sum) <= kTolerance * primal.size + rounding * dual.size;
  return result;
}

ExactTransport solve(const CostRows& costs, const IntegerMasses& masses) {
  TransportPlan plan(masses);
  Candidates candidates(costs.rows(), costs.columns());
  auction(costs, plan, candidates);
  send_along_shortest_paths(costs, plan, candidates);
  ExactTransport result = checked(costs, masses, plan, 0);
  if (result.certified) return result;

  // The auction's prices can be so far above the costs that matter that these drown in their rounding. Those of paths
  // alone are no larger than they must be.
  TransportPlan again(masses);
  search_all(costs, again, candidates);
  send_along_shortest_paths(costs, again, candidates);
  return checked(costs, masses, again, kRounding);
}

void check_sizes(int64_t m, int64_t n) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (m < 1 || n < 1 || m > kMost || n > kMost)
    throw ShapeError("exact_transport: " + std::to_string(m) + " sources and " + std::to_string(n) +
                     " targets; each side needs 1 to 2^31 - 1 points");
}

}  // namespace

ExactTransport exact_transport(const Cost& cost, const Measure& sources, const Measure& targets, CostStorage storage) {
  const TapeOff off;
  const int64_t m = sources.points.shape().rows(), n = targets.points.shape().rows();
  check_sizes(m, n);
  if (storage == CostStorage::Matrix || (storage == CostStorage::Auto && m <= kLargestMatrix / n))
    return exact_transport(pairwise_cost(cost, sources.points, targets.points), sources.mass, targets.mass);
  return solve(CostRows(cost, sources.points, targets.points), integer_masses(sources.mass, m, targets.mass, n));
}

ExactTransport exact_transport(const Tensor& costs, const std::vector<double>& source_mass,
                               const std::vector<double>& target_mass) {
  const TapeOff off;
  if (costs.shape().rank() != 2)
    throw ShapeError("exact_transport: costs have shape " + costs.shape().text() + "; give a matrix [m, n]");
  const int64_t m = costs.shape()[0], n = costs.shape()[1];
  check_sizes(m, n);
  return solve(CostRows(costs), integer_masses(source_mass, m, target_mass, n));
}

Tensor coupling_cost(const Cost& cost, const Tensor& x, const Tensor& y, const std::vector<Flow>& coupling) {
  std::vector<int32_t> sources, targets;
  std::vector<float> masses;
  for (const Flow& flow : coupling) {
    sources.push_back(flow.source);
    targets.push_back(flow.target);
    masses.push_back(static_cast<float>(flow.mass));
  }
  const Tensor mass = Tensor::from_host(x.device(), {std::ssize(masses)}, masses);
  const Tensor costs = paired_cost(cost, gather_rows(x, Array<int32_t>(x.device(), sources)),
                                   gather_rows(y, Array<int32_t>(y.device(), targets)));
  return sum(mass * costs);
}

}  // namespace wasserkern::losses
