#include "data/mixture.h"

#include <cmath>
#include <numbers>
#include <string>

#include "kernels/error.h"
#include "kernels/philox.h"

namespace wasserkern::data {
namespace {

// Runs number their draws from 0: no network's initial weights are these numbers.
constexpr uint32_t kPoints = 0xFFFFFFFF, kFreshPoints = 0xFFFFFFFE, kFreshClusters = 0xFFFFFFFD;

void check(const std::vector<Cluster>& clusters) {
  if (clusters.empty()) throw UsageError("mixture: there are no clusters");
  const size_t features = clusters.front().mean.size();
  for (const Cluster& cluster : clusters) {
    if (cluster.mean.empty() || cluster.mean.size() != features)
      throw UsageError("mixture: a mean of " + std::to_string(cluster.mean.size()) + " coordinates beside one of " +
                       std::to_string(features) + "; all need the same number, at least 1");
    if (cluster.count < 0)
      throw UsageError("mixture: a cluster of " + std::to_string(cluster.count) + " points makes no sense");
    if (!(cluster.deviation >= 0) || std::isinf(cluster.deviation))
      throw UsageError("mixture: the deviation is " + std::to_string(cluster.deviation) +
                       "; it must be finite and not negative");
  }
}

/// N(0, 1) number `index` of a stream; see kernels/random.h.
float normal(const philox::Source& source, uint64_t index) {
  const philox::Words words = philox::words(source, static_cast<uint32_t>(index / 4));
  const bool first_pair = index % 4 < 2;
  const philox::Normals both = philox::normals(first_pair ? words.w0 : words.w2, first_pair ? words.w1 : words.w3);
  return index % 2 == 0 ? both.cosine : both.sine;
}

void add_point(const philox::Source& source, const Cluster& cluster, std::vector<float>& values) {
  for (const float centre : cluster.mean) values.push_back(centre + cluster.deviation * normal(source, values.size()));
}

}  // namespace

Points gaussian_mixture(const std::vector<Cluster>& clusters, uint64_t seed) {
  check(clusters);
  Points points{.count = 0, .features = static_cast<int64_t>(clusters.front().mean.size()), .values = {}};
  const philox::Source source(seed, 0, kPoints);
  for (const Cluster& cluster : clusters) {
    points.count += cluster.count;
    for (int64_t i = 0; i < cluster.count; ++i) add_point(source, cluster, points.values);
  }
  return points;
}

Points mixture_sample(const std::vector<Cluster>& clusters, int64_t count, uint64_t seed, uint64_t number) {
  check(clusters);
  uint64_t all = 0;
  for (const Cluster& cluster : clusters) all += static_cast<uint64_t>(cluster.count);
  if (all == 0 || count < 0)
    throw UsageError("mixture: a sample of " + std::to_string(count) + " points of clusters with " +
                     std::to_string(all) + "; there must be some to draw from");

  const philox::Source cluster_source(seed, number, kFreshClusters), source(seed, number, kFreshPoints);
  Points points{.count = count, .features = static_cast<int64_t>(clusters.front().mean.size()), .values = {}};
  for (int64_t i = 0; i < count; ++i) {
    // Nearly uniform in 0 .. all-1, and the cluster that has the member of this number.
    const auto word = static_cast<unsigned __int128>(philox::word(cluster_source, i));
    auto member = static_cast<uint64_t>((word * all) >> 32);
    size_t chosen = 0;
    for (; member >= static_cast<uint64_t>(clusters[chosen].count); ++chosen)
      member -= static_cast<uint64_t>(clusters[chosen].count);
    add_point(source, clusters[chosen], points.values);
  }
  return points;
}

std::vector<Cluster> three_clusters() {
  return {{{-0.7f, -0.3f}, 0.1f, 60}, {{0.4f, 0.8f}, 0.1f, 30}, {{0.8f, -0.5f}, 0.1f, 50}};
}

std::vector<Cluster> ring_of_clusters(float radius, float deviation, int64_t each) {
  const float diagonal = radius * (std::numbers::sqrt2_v<float> / 2);
  std::vector<Cluster> clusters;
  for (const std::vector<float>& mean : {std::vector{radius, 0.0f},
                                         {diagonal, diagonal},
                                         {0, radius},
                                         {-diagonal, diagonal},
                                         {-radius, 0},
                                         {-diagonal, -diagonal},
                                         {0, -radius},
                                         {diagonal, -diagonal}})
    clusters.push_back({mean, deviation, each});
  return clusters;
}

}  // namespace wasserkern::data
