#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "kernels/export.h"
#include "losses/transport/exact.h"
#include "losses/transport/geometric_median.h"
#include "losses/transport/point_distances.h"
#include "losses/transport/weighted_centroids.h"

namespace wasserkern::losses {

/// How far clustering goes. A round is an assignment of the points to their nearest centroids, and the centroids' move.
struct QuantisationRule {
  int64_t mean_rounds = 100;
  double mean_tolerance = 1e-4;  // squared moves of the centroids, by the mean variance of a coordinate
  int64_t median_rounds = 50;
  GeometricMedianRule median = {};
};

/// Points in clusters, none of them empty; centroids are means with weights.
struct Clustering : WeightedClusters {
  double loss = 0;      // mean distance of points to their centroids; of k-means, mean squared distance
  int64_t rounds = 0;   // in which assignments changed
  bool stable = false;  // whether the last one changed nothing: each point's centroid is the nearest
};

/// Clusters of points, for any number of clusters and starts. All that is looked at is the distances of pairs of
/// points, taken once: a round costs some n^2 additions and no n k d (weighted_centroids.h), for 4 n^2 + 8 n k bytes on
/// the host. Results do not depend on the number of threads.
class WASSERKERN_API Quantiser {
 public:
  /// points [n, ...]; throws ShapeError when there are none, DataError when some are not finite.
  explicit Quantiser(const Tensor& points, const QuantisationRule& rule = {});

  /// k-means by Lloyd's rounds from a k-means++ start, of 2 + ln k candidates each the best (Arthur and Vassilvitskii
  /// 2007, as scikit-learn has it). Random numbers are those of (seed, restart). Throws ShapeError unless 1 <= k <= n.
  Clustering k_means(int64_t k, uint64_t seed, uint64_t restart = 0) const;
  /// Geometric k-medians by the same rounds from a clustering: centroids are geometric medians. Paper 004, section 5.4.
  Clustering k_medians(Clustering start) const;
  /// From k_means.
  Clustering k_medians(int64_t k, uint64_t seed, uint64_t restart = 0) const;

  /// The centroids [k, ...], each with its cluster's share of the points: the projection of the points on them.
  Measure projection(const Clustering& clustering) const;

 private:
  std::vector<int32_t> seeds(int64_t k, uint64_t seed, uint64_t restart) const;
  template <class Weigh>
  void rounds(WeightedCentroids& centroids, Clustering& clustering, int64_t most, double tolerance,
              const Weigh& weigh) const;

  Tensor points_;
  QuantisationRule rule_;
  PointDistances distances_;
  double variance_ = 0;  // of all coordinates together
  int threads_;
};

}  // namespace wasserkern::losses
