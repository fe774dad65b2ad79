#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "losses/transport/sinkhorn.h"
#include "tests/kernels/cost_reference.h"

/// Entropic transport in double, by as many plain iterations as it takes.
namespace wasserkern::testing {

struct WeightedPoints {
  std::vector<double> points;  // [n, d]
  std::vector<double> share;   // [n]; sums to 1

  size_t dimension() const { return points.size() / share.size(); }
};

inline WeightedPoints points_of(const losses::Measure& measure) {
  const std::vector<float> points = measure.points.to_host();
  const auto n = static_cast<size_t>(measure.points.shape().rows());
  WeightedPoints result{{points.begin(), points.end()},
                        measure.mass.empty() ? std::vector<double>(n, 1) : measure.mass};
  double total = 0;
  for (const double mass : result.share) total += mass;
  for (double& mass : result.share) mass /= total;
  return result;
}

inline std::vector<double> cost_matrix(const Cost& cost, const WeightedPoints& x, const WeightedPoints& y) {
  std::vector<double> costs;
  const size_t d = x.dimension();
  for (size_t i = 0; i < x.share.size(); ++i)
    for (size_t j = 0; j < y.share.size(); ++j)
      costs.push_back(reference_cost(cost, x.points.data() + i * d, y.points.data() + j * d, static_cast<int64_t>(d)));
  return costs;
}

struct Entropic {
  double value = 0, cost = 0;  // with the entropy, and <pi, C> alone
  std::vector<double> f, g;
  std::vector<double> coupling;  // [m, n]
};

/// The value of the coupling that two potentials stand for.
inline Entropic evaluated(const std::vector<double>& costs, double epsilon, const WeightedPoints& x,
                          const WeightedPoints& y, std::vector<double> f, std::vector<double> g) {
  Entropic result;
  for (size_t i = 0; i < f.size(); ++i)
    for (size_t j = 0; j < g.size(); ++j) {
      const double cost = costs[i * g.size() + j], exponent = (f[i] + g[j] - cost) / epsilon;
      const double mass = x.share[i] * y.share[j] * std::exp(exponent);
      result.coupling.push_back(mass);
      if (mass == 0) continue;
      result.cost += mass * cost;
      result.value += mass * (cost + epsilon * exponent);
    }
  result.f = std::move(f);
  result.g = std::move(g);
  return result;
}

/// -epsilon ln sum_i share_i exp((phi_i - cost(i, j)) / epsilon) for `count` places j.
template <class CostAt>
std::vector<double> soft_transform(double epsilon, const std::vector<double>& share, const std::vector<double>& phi,
                                   size_t count, CostAt cost) {
  std::vector<double> out;
  for (size_t j = 0; j < count; ++j) {
    double largest = -HUGE_VAL, sum = 0;
    for (size_t i = 0; i < phi.size(); ++i) largest = std::max(largest, phi[i] - cost(i, j));
    for (size_t i = 0; i < phi.size(); ++i) sum += share[i] * std::exp((phi[i] - cost(i, j) - largest) / epsilon);
    out.push_back(-largest - epsilon * std::log(sum));
  }
  return out;
}

inline Entropic entropic_reference(const Cost& cost, double epsilon, const WeightedPoints& x, const WeightedPoints& y) {
  const std::vector<double> costs = cost_matrix(cost, x, y);
  const size_t m = x.share.size(), n = y.share.size();
  std::vector<double> f(m, 0), g(n, 0);
  double change = 1;
  for (int iteration = 0; iteration < 100000 && change > 1e-11; ++iteration) {
    g = soft_transform(epsilon, x.share, f, n, [&](size_t i, size_t j) { return costs[i * n + j]; });
    std::vector<double> again =
        soft_transform(epsilon, y.share, g, m, [&](size_t j, size_t i) { return costs[i * n + j]; });
    change = 0;
    for (size_t i = 0; i < m; ++i) change = std::max(change, std::abs(again[i] - f[i]));
    f = std::move(again);
  }
  return evaluated(costs, epsilon, x, y, std::move(f), std::move(g));
}

/// The coupling of potentials that were found.
inline Entropic coupling_of(const Cost& cost, double epsilon, const WeightedPoints& x, const WeightedPoints& y,
                            const losses::EntropicTransport& found) {
  const std::vector<float> f = found.source_potential.to_host(), g = found.target_potential.to_host();
  return evaluated(cost_matrix(cost, x, y), epsilon, x, y, {f.begin(), f.end()}, {g.begin(), g.end()});
}

/// Central differences of f in `values`, which it reads in place.
inline std::vector<double> differences(std::vector<double>& values, const std::function<double()>& f) {
  constexpr double kStep = 1e-4;
  std::vector<double> slopes;
  for (double& value : values) {
    const double at = value;
    value = at + kStep;
    const double above = f();
    value = at - kStep;
    slopes.push_back((above - f()) / (2 * kStep));
    value = at;
  }
  return slopes;
}

}  // namespace wasserkern::testing
