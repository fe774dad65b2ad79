#include "losses/transport/geometric_median.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace wasserkern::losses {
namespace {

using Weights = std::vector<double>;  // of points, with sum 1: they stand for their mean

double dot(const Weights& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// The squared distances of a few points among themselves, together in memory.
class Block {
 public:
  Block(const PointDistances& distances, const std::vector<int64_t>& points) : count_(points.size()) {
    squares_.reserve(count_ * count_);
    for (const int64_t i : points)
      for (const int64_t j : points) squares_.push_back(distances.from(i)[j]);
  }

  /// sum_j w_j |x_i - x_j|^2 for every i.
  std::vector<double> times(const Weights& weights) const {
    std::vector<double> sums(count_, 0);
    // By columns, which are rows: all sums grow together.
    for (size_t j = 0; j < count_; ++j)
      for (size_t i = 0; i < count_; ++i) sums[i] += weights[j] * double{squares_[j * count_ + i]};
    return sums;
  }

 private:
  size_t count_;
  std::vector<float> squares_;
};

/// One over the distance of each point, but 0 for those that are as good as at the mean.
struct Pull {
  Weights weight;  // with sum 1
  double total = 0;
  std::vector<size_t> held;

  Pull(const std::vector<double>& distances, double near) : weight(distances.size(), 0) {
    for (size_t i = 0; i < distances.size(); ++i) {
      if (distances[i] <= near) {
        held.push_back(i);
      } else {
        weight[i] = 1 / distances[i];
        total += weight[i];
      }
    }
    for (double& each : weight) each /= total > 0 ? total : 1;
  }
};

/// The next weights, or none when the mean is the median.
Weights next_weights(const Block& block, const std::vector<double>& distances, double near) {
  Pull pull(distances, near);
  if (pull.held.empty()) return pull.weight;
  const std::vector<double> sums = block.times(pull.weight);
  const double apart = std::max(0.0, sums[pull.held[0]] - dot(pull.weight, sums) / 2);
  const double force = pull.total * std::sqrt(apart), hold = static_cast<double>(pull.held.size());
  if (force <= hold) return {};
  for (double& each : pull.weight) each *= 1 - hold / force;
  for (const size_t i : pull.held) pull.weight[i] = 1 / force;
  return pull.weight;
}

}  // namespace

GeometricMedian geometric_median(const PointDistances& all, const std::vector<int64_t>& points,
                                 const GeometricMedianRule& rule) {
  const auto count = static_cast<double>(points.size());
  const Block block(all, points);
  Weights weights(points.size(), 1 / count);
  std::vector<double> sums = block.times(weights), distances(points.size());
  double distance_sum = 0, moved = std::numeric_limits<double>::infinity();
  for (int64_t step = 0;; ++step) {
    const double spread = dot(weights, sums) / 2;
    for (size_t i = 0; i < distances.size(); ++i) distances[i] = std::sqrt(std::max(0.0, sums[i] - spread));
    distance_sum = std::accumulate(distances.begin(), distances.end(), 0.0);
    const double near = rule.tolerance * distance_sum / count;
    if (step == rule.steps || moved <= near * near) break;
    const Weights next = next_weights(block, distances, near);
    if (next.empty()) break;
    const std::vector<double> next_sums = block.times(next);
    moved = 0;
    for (size_t i = 0; i < next.size(); ++i) moved -= (next[i] - weights[i]) * (next_sums[i] - sums[i]) / 2;
    weights = next;
    sums = next_sums;
  }
  for (double& weight : weights) weight *= count;
  return {weights, distance_sum};
}

}  // namespace wasserkern::losses
