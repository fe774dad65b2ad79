#include "losses/transport/weighted_centroids.h"

#include <algorithm>
#include <limits>

#include "kernels/cpu/parallel.h"

namespace wasserkern::losses {
namespace {

constexpr int64_t kPointsPerGrain = 512;

}  // namespace

WeightedCentroids::WeightedCentroids(const PointDistances& distances, int64_t k, int threads)
    : distances_(distances),
      threads_(threads),
      sums_(static_cast<size_t>(k * distances.count()), 0),
      total_(static_cast<size_t>(k), 0),
      spread_(static_cast<size_t>(k), 0) {}

/// For the points [first, last).
void WeightedCentroids::add(int64_t cluster, double weight, int64_t point, int64_t first, int64_t last) {
  double* sums = sums_.data() + cluster * distances_.count();
  const float* squares = distances_.from(point);
  for (int64_t i = first; i < last; ++i) sums[i] += weight * double{squares[i]};
}

std::vector<double> WeightedCentroids::means(const WeightedClusters& clusters,
                                             const std::vector<double>& totals) const {
  std::vector<double> sums(total_.size(), 0);
  for (size_t i = 0; i < clusters.cluster.size(); ++i)
    sums[static_cast<size_t>(clusters.cluster[i])] +=
        clusters.weight[i] * at_mean(static_cast<int64_t>(i), clusters.cluster[i]);
  for (size_t c = 0; c < sums.size(); ++c) sums[c] /= totals[c];
  return sums;
}

double WeightedCentroids::move(const WeightedClusters& after) {
  const bool first_time = clusters_.cluster.empty();
  std::vector<double> total(total_.size(), 0);
  for (size_t i = 0; i < after.cluster.size(); ++i) total[static_cast<size_t>(after.cluster[i])] += after.weight[i];
  // |m' - m|^2 is the mean of |x - m|^2 in the new cluster less the new cluster's spread.
  const std::vector<double> seen_before = first_time ? std::vector<double>() : means(after, total);
  const std::vector<double> spread_before = spread_;

  // A thread has its own part of every sum, which then has the order of the points whatever the threads.
  parallel_ranges(threads_, distances_.count(), kPointsPerGrain, [&](int64_t first, int64_t last) {
    for (int64_t j = 0; j < distances_.count(); ++j) {
      const auto place = static_cast<size_t>(j);
      const double was = first_time ? 0 : clusters_.weight[place];
      if (first_time || clusters_.cluster[place] != after.cluster[place]) {
        if (!first_time) add(clusters_.cluster[place], -was, j, first, last);
        add(after.cluster[place], after.weight[place], j, first, last);
      } else if (after.weight[place] != was) {
        add(after.cluster[place], after.weight[place] - was, j, first, last);
      }
    }
  });
  clusters_ = after;
  total_ = total;
  spread_ = means(after, total);
  double moved = first_time ? std::numeric_limits<double>::infinity() : 0;
  for (size_t c = 0; c < spread_.size(); ++c) {
    spread_[c] /= 2;
    if (!first_time) moved += std::max(0.0, seen_before[c] - spread_before[c] - spread_[c]);
  }
  return moved;
}

double WeightedCentroids::square(int64_t i, int64_t c) const {
  return std::max(0.0, at_mean(i, c) - spread_[static_cast<size_t>(c)]);
}

void WeightedCentroids::nearest(std::vector<int32_t>& cluster, std::vector<double>& squares) const {
  const int64_t n = distances_.count();
  cluster.resize(static_cast<size_t>(n));
  squares.resize(static_cast<size_t>(n));
  parallel_ranges(threads_, n, kPointsPerGrain, [&](int64_t first, int64_t last) {
    std::fill(squares.begin() + first, squares.begin() + last, std::numeric_limits<double>::infinity());
    for (size_t c = 0; c < total_.size(); ++c)
      for (int64_t i = first; i < last; ++i) {
        const double square_here = square(i, static_cast<int64_t>(c));
        if (square_here >= squares[static_cast<size_t>(i)]) continue;
        squares[static_cast<size_t>(i)] = square_here;
        cluster[static_cast<size_t>(i)] = static_cast<int32_t>(c);
      }
  });
}

}  // namespace wasserkern::losses
