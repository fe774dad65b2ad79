#include "losses/transport/exact.h"

#include <cmath>
#include <limits>
#include <string>

#include "engine/array.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"
#include "kernels/check.h"
#include "kernels/error.h"
#include "losses/transport/integer_masses.h"

namespace wasserkern::losses {
namespace {

/// Shortest augmenting paths on a whole matrix.
class Paths {
 public:
  Paths(const std::vector<float>& costs, IntegerMasses masses)
      : costs_(costs),
        masses_(std::move(masses)),
        m_(masses_.source.size()),
        n_(masses_.target.size()),
        u_(m_, 0),
        v_(n_, 0),
        flow_(m_ * n_, 0) {}

  void solve() {
    for (size_t i = 0; i < m_; ++i) {
      u_[i] = std::numeric_limits<double>::infinity();
      for (size_t j = 0; j < n_; ++j) u_[i] = std::min(u_[i], cost(i, j) - v_[j]);
    }
    for (size_t i = 0; i < m_; ++i)
      while (masses_.source[i] > 0) augment(i);
  }

  double cost(size_t i, size_t j) const { return double{costs_[i * n_ + j]}; }
  int64_t flow(size_t i, size_t j) const { return flow_[i * n_ + j]; }
  std::vector<double>& u() { return u_; }
  std::vector<double>& v() { return v_; }

 private:
  void augment(size_t start) {
    constexpr double kFar = std::numeric_limits<double>::infinity();
    std::vector<double> to_row(m_, kFar), to_column(n_, kFar);
    std::vector<size_t> from_row(n_, start), from_column(m_, n_);
    std::vector<char> done(n_, 0);
    const auto reach = [&](size_t i, double distance) {
      to_row[i] = distance;
      for (size_t j = 0; j < n_; ++j) {
        const double further = distance + (cost(i, j) - u_[i] - v_[j]);
        if (!done[j] && further < to_column[j]) {
          to_column[j] = further;
          from_row[j] = i;
        }
      }
    };
    reach(start, 0);
    size_t end = n_;
    double length = 0;
    while (true) {
      size_t best = n_;
      for (size_t j = 0; j < n_; ++j)
        if (!done[j] && (best == n_ || to_column[j] < to_column[best])) best = j;
      done[best] = 1;
      length = to_column[best];
      if (masses_.target[best] > 0) {
        end = best;
        break;
      }
      for (size_t i = 0; i < m_; ++i)
        if (flow(i, best) > 0 && to_row[i] == kFar) {
          from_column[i] = best;
          reach(i, length);
        }
    }
    for (size_t j = 0; j < n_; ++j)
      if (done[j]) v_[j] += to_column[j] - length;
    for (size_t i = 0; i < m_; ++i)
      if (to_row[i] < kFar) u_[i] += length - to_row[i];
    int64_t mass = std::min(masses_.source[start], masses_.target[end]);
    for (size_t j = end, i = from_row[j]; i != start; j = from_column[i], i = from_row[j])
      mass = std::min(mass, flow(i, from_column[i]));
    masses_.source[start] -= mass;
    masses_.target[end] -= mass;
    for (size_t j = end;;) {
      const size_t i = from_row[j];
      flow_[i * n_ + j] += mass;
      if (i == start) break;
      j = from_column[i];
      flow_[i * n_ + j] -= mass;
    }
  }

  const std::vector<float>& costs_;
  IntegerMasses masses_;
  size_t m_, n_;
  std::vector<double> u_, v_;
  std::vector<int64_t> flow_;
};

}  // namespace

ExactTransport exact_transport(const Cost& cost, const Measure& sources, const Measure& targets, CostStorage) {
  const TapeOff off;
  return exact_transport(pairwise_cost(cost, sources.points, targets.points), sources.mass, targets.mass);
}

ExactTransport exact_transport(const Tensor& costs, const std::vector<double>& source_mass,
                               const std::vector<double>& target_mass) {
  const int64_t m = costs.shape()[0], n = costs.shape()[1];
  if (m == 0 || n == 0)
    throw ShapeError("exact_transport: there are " + std::to_string(m) + " sources and " + std::to_string(n) +
                     " targets; give both points");
  const std::vector<float> values = costs.to_host();
  for (const float value : values)
    if (!std::isfinite(value))
      throw DataError("exact_transport: costs that are not finite; look for NaN and infinity in the points");
  const IntegerMasses masses = integer_masses(source_mass, m, target_mass, n);
  Paths paths(values, masses);
  paths.solve();
  ExactTransport result;
  result.source_potential = paths.u();
  result.target_potential = paths.v();
  bool admissible = true;
  double size = 0;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const auto a = static_cast<size_t>(i), b = static_cast<size_t>(j);
      const double c = paths.cost(a, b);
      if (paths.u()[a] + paths.v()[b] > c + 1e-12 * (std::abs(c) + std::abs(paths.u()[a]) + std::abs(paths.v()[b])))
        admissible = false;
      if (paths.flow(a, b) == 0) continue;
      const double mass = static_cast<double>(paths.flow(a, b)) * masses.unit;
      result.coupling.push_back({static_cast<int32_t>(i), static_cast<int32_t>(j), mass});
      result.primal += mass * c;
      size += mass * std::abs(c);
    }
  for (size_t i = 0; i < masses.source.size(); ++i)
    result.dual += static_cast<double>(masses.source[i]) * masses.unit * paths.u()[i];
  for (size_t j = 0; j < masses.target.size(); ++j)
    result.dual += static_cast<double>(masses.target[j]) * masses.unit * paths.v()[j];
  result.certified = admissible && std::abs(result.gap()) <= 1e-9 * size;
  return result;
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
