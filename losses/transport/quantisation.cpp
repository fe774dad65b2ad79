#include "losses/transport/quantisation.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "engine/ops/matmul.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/cpu/parallel.h"
#include "kernels/error.h"
#include "kernels/philox.h"

namespace wasserkern::losses {
namespace {

int host_threads(Device& device) {
  return device.stream().visit([](auto& stream) {
    if constexpr (requires { stream.threads(); }) return stream.threads();
    return omp_get_num_procs();
  });
}

/// Uniform doubles in [0, 1).
class Uniforms {
 public:
  Uniforms(uint64_t seed, uint64_t restart) : source_(seed, restart, kOp) {}

  double next() {
    const philox::Words words = philox::words(source_, count_++);
    return static_cast<double>(uint64_t{words.w0} << 21 | words.w1 >> 11) * 0x1p-53;
  }

 private:
  static constexpr uint32_t kOp = 0xFFFFFFFE;  // runs number their draws from 0

  philox::Source source_;
  uint32_t count_ = 0;
};

/// A place, with a probability in proportion to its weight; the last if all are 0.
size_t chosen(const std::vector<double>& weights, double uniform) {
  double left = uniform * std::accumulate(weights.begin(), weights.end(), 0.0);
  size_t place = 0;
  while (place + 1 < weights.size() && left >= weights[place]) left -= weights[place++];
  return place;
}

std::vector<int64_t> sizes(const std::vector<int32_t>& cluster, int64_t k) {
  std::vector<int64_t> count(static_cast<size_t>(k), 0);
  for (const int32_t c : cluster) ++count[static_cast<size_t>(c)];
  return count;
}

int64_t number_of_clusters(const std::vector<int32_t>& cluster) {
  return 1 + *std::max_element(cluster.begin(), cluster.end());
}

/// Each empty cluster takes the point that is farthest from its centroid, of a cluster that has more.
void fill_empty(std::vector<int32_t>& cluster, std::vector<double>& squares, int64_t k) {
  std::vector<int64_t> count = sizes(cluster, k);
  for (size_t c = 0; c < count.size(); ++c) {
    if (count[c] > 0) continue;
    size_t farthest = 0;
    double most = -1;
    for (size_t i = 0; i < cluster.size(); ++i)
      if (squares[i] > most && count[static_cast<size_t>(cluster[i])] > 1) most = squares[farthest = i];
    --count[static_cast<size_t>(cluster[farthest])];
    count[c] = 1;
    cluster[farthest] = static_cast<int32_t>(c);
    squares[farthest] = 0;
  }
}

/// The numbers of each cluster's points, ascending.
std::vector<std::vector<int64_t>> members(const std::vector<int32_t>& cluster, int64_t k) {
  std::vector<std::vector<int64_t>> lists(static_cast<size_t>(k));
  for (size_t i = 0; i < cluster.size(); ++i) lists[static_cast<size_t>(cluster[i])].push_back(static_cast<int64_t>(i));
  return lists;
}

}  // namespace

Quantiser::Quantiser(const Tensor& points, const QuantisationRule& rule)
    : points_(points.detach()), rule_(rule), distances_(points_), threads_(host_threads(points.device())) {
  const int64_t n = distances_.count();
  if (n == 0) throw ShapeError("clustering: there are no points");
  for (int64_t i = 0; i < n; ++i)
    variance_ += std::accumulate(distances_.from(i), distances_.from(i) + n, 0.0) / (2.0 * static_cast<double>(n * n));
}

/// The clusters of a k-means++ start.
std::vector<int32_t> Quantiser::seeds(int64_t k, uint64_t seed, uint64_t restart) const {
  const auto n = static_cast<size_t>(distances_.count());
  const auto candidates = 2 + static_cast<int64_t>(std::log(static_cast<double>(k)));
  Uniforms uniforms(seed, restart);
  std::vector<int32_t> cluster(n, 0);
  std::vector<double> squares(n, 1);
  for (int64_t c = 0; c < k; ++c) {
    std::vector<double> best, closer(n);
    double least = std::numeric_limits<double>::infinity();
    for (int64_t candidate = 0; candidate < (c == 0 ? 1 : candidates); ++candidate) {
      const float* from = distances_.from(static_cast<int64_t>(chosen(squares, uniforms.next())));
      double sum = 0;
      for (size_t i = 0; i < n; ++i)
        sum += closer[i] = c == 0 ? double{from[i]} : std::min(squares[i], double{from[i]});
      if (sum >= least) continue;
      least = sum;
      best = closer;
    }
    for (size_t i = 0; i < n; ++i)
      if (c > 0 && best[i] < squares[i]) cluster[i] = static_cast<int32_t>(c);
    squares = best;
  }
  fill_empty(cluster, squares, k);
  return cluster;
}

/// Moves centroids and assigns points by turns; `weigh` sets the weights of clusters.
template <class Weigh>
void Quantiser::rounds(WeightedCentroids& centroids, Clustering& clustering, int64_t most, double tolerance,
                       const Weigh& weigh) const {
  std::vector<int32_t> nearest;
  std::vector<double> squares;
  for (clustering.rounds = 0;; ++clustering.rounds) {
    weigh(clustering);
    const double moved = centroids.move(clustering);
    clustering.stable = false;
    if (clustering.rounds == most || moved <= tolerance) return;
    centroids.nearest(nearest, squares);
    fill_empty(nearest, squares, centroids.count());
    clustering.stable = nearest == clustering.cluster;
    if (clustering.stable) return;
    clustering.cluster = nearest;
  }
}

Clustering Quantiser::k_means(int64_t k, uint64_t seed, uint64_t restart) const {
  const int64_t n = distances_.count();
  if (k < 1 || k > n)
    throw ShapeError("clustering: " + std::to_string(k) + " clusters of " + std::to_string(n) +
                     " points; there can be 1 to as many as there are points");
  Clustering clustering;
  clustering.cluster = seeds(k, seed, restart);
  clustering.weight.assign(static_cast<size_t>(n), 1);
  WeightedCentroids centroids(distances_, k, threads_);
  const double tolerance = rule_.mean_tolerance * variance_ / static_cast<double>(points_.shape().columns());
  rounds(centroids, clustering, rule_.mean_rounds, tolerance, [](Clustering&) {});
  for (int64_t i = 0; i < n; ++i)
    clustering.loss += centroids.square(i, clustering.cluster[static_cast<size_t>(i)]) / static_cast<double>(n);
  return clustering;
}

Clustering Quantiser::k_medians(Clustering clustering) const {
  const int64_t k = number_of_clusters(clustering.cluster);
  std::vector<std::vector<int64_t>> before(static_cast<size_t>(k));
  std::vector<double> distance_sums(static_cast<size_t>(k), 0);
  WeightedCentroids centroids(distances_, k, threads_);
  rounds(centroids, clustering, rule_.median_rounds, -1, [&](Clustering& clusters) {
    auto now = members(clusters.cluster, k);
    parallel_ranges(threads_, k, 1, [&](int64_t first, int64_t last) {
      for (auto c = static_cast<size_t>(first); c < static_cast<size_t>(last); ++c) {
        if (now[c] == before[c]) continue;
        const GeometricMedian median = geometric_median(distances_, now[c], rule_.median);
        for (size_t i = 0; i < now[c].size(); ++i) clusters.weight[static_cast<size_t>(now[c][i])] = median.weight[i];
        distance_sums[c] = median.distance_sum;
      }
    });
    before = std::move(now);
    clusters.loss =
        std::accumulate(distance_sums.begin(), distance_sums.end(), 0.0) / static_cast<double>(distances_.count());
  });
  return clustering;
}

Clustering Quantiser::k_medians(int64_t k, uint64_t seed, uint64_t restart) const {
  return k_medians(k_means(k, seed, restart));
}

Measure Quantiser::projection(const Clustering& clustering) const {
  const TapeOff off;
  const int64_t n = distances_.count();
  const int64_t k = number_of_clusters(clustering.cluster);
  std::vector<double> total(static_cast<size_t>(k), 0);
  for (size_t i = 0; i < clustering.cluster.size(); ++i)
    total[static_cast<size_t>(clustering.cluster[i])] += clustering.weight[i];
  std::vector<float> weights(static_cast<size_t>(k * n), 0);
  for (size_t i = 0; i < clustering.cluster.size(); ++i) {
    const auto c = static_cast<size_t>(clustering.cluster[i]);
    weights[c * static_cast<size_t>(n) + i] = static_cast<float>(clustering.weight[i] / total[c]);
  }
  const Tensor flat = points_.viewed_as({n, points_.shape().columns()});
  const Tensor mean = Tensor::from_host(flat.device(), {k, n}, weights);
  const Tensor centroids = matmul(mean, Transpose::No, flat, Transpose::No);
  Measure measure{.points = centroids.viewed_as(points_.shape().with_rows(k)), .mass = {}};
  for (const int64_t size : sizes(clustering.cluster, k))
    measure.mass.push_back(static_cast<double>(size) / static_cast<double>(n));
  return measure;
}

}  // namespace wasserkern::losses
