#pragma once

#include <cstdint>
#include <vector>

#include "losses/transport/point_distances.h"

namespace wasserkern::losses {

/// Points in clusters, each with a weight above 0.
struct WeightedClusters {
  std::vector<int32_t> cluster;  // [n], in [0, k)
  std::vector<double> weight;    // [n]
};

/// The centroids of clusters, means with weights w, seen through distances alone: with W the sum of a cluster's weights
/// |x_i - m|^2 = sum_j w_j |x_i - x_j|^2 / W - sum_jl w_j w_l |x_j - x_l|^2 / (2 W^2).
/// The first sum is kept for all points and clusters (8 n k bytes), and changes with the points whose cluster or weight
/// does. So a round of clustering costs n additions for each of these, and n k comparisons, whatever the dimension.
class WeightedCentroids {
 public:
  /// `distances` must outlive it. At first there are no clusters.
  WeightedCentroids(const PointDistances& distances, int64_t k, int threads);

  int64_t count() const { return static_cast<int64_t>(total_.size()); }

  /// Moves the centroids to other clusters, none of them empty; returns the sum of |after - before|^2 over the
  /// centroids, infinite the first time.
  double move(const WeightedClusters& clusters);

  /// |x_i - m_c|^2.
  double square(int64_t i, int64_t c) const;
  /// Overwrites each point's nearest centroid, the lowest of several, and its |x - m|^2.
  void nearest(std::vector<int32_t>& cluster, std::vector<double>& squares) const;

 private:
  double at_mean(int64_t i, int64_t c) const {
    return sums_[static_cast<size_t>(c * distances_.count() + i)] / total_[static_cast<size_t>(c)];
  }
  void add(int64_t cluster, double weight, int64_t point, int64_t first, int64_t last);
  /// sum_i w_i of a point's at_mean in its own cluster, by the cluster's weight.
  std::vector<double> means(const WeightedClusters& clusters, const std::vector<double>& totals) const;

  const PointDistances& distances_;
  int threads_;
  WeightedClusters clusters_;
  std::vector<double> sums_;    // [k, n]: sum_j w_j |x_i - x_j|^2
  std::vector<double> total_;   // [k]: W
  std::vector<double> spread_;  // [k]: what is subtracted, half the mean square of distances within
};

}  // namespace wasserkern::losses
