#include "data/mixture.h"

#include <cmath>
#include <string>

#include "kernels/error.h"
#include "kernels/philox.h"

namespace wasserkern::data {
namespace {

// Runs number their draws from 0: no network's initial weights are these numbers.
constexpr uint32_t kOp = 0xFFFFFFFF;

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

/// N(0, 1) number `index` of the seed's stream; see kernels/random.h.
float normal(uint64_t seed, uint64_t index) {
  const philox::Words words = philox::words({seed, 0, kOp}, static_cast<uint32_t>(index / 4));
  const bool first_pair = index % 4 < 2;
  const philox::Normals both = philox::normals(first_pair ? words.w0 : words.w2, first_pair ? words.w1 : words.w3);
  return index % 2 == 0 ? both.cosine : both.sine;
}

}  // namespace

Points gaussian_mixture(const std::vector<Cluster>& clusters, uint64_t seed) {
  check(clusters);
  Points points{.count = 0, .features = static_cast<int64_t>(clusters.front().mean.size()), .values = {}};
  for (const Cluster& cluster : clusters) {
    points.count += cluster.count;
    for (int64_t i = 0; i < cluster.count; ++i)
      for (const float centre : cluster.mean)
        points.values.push_back(centre + cluster.deviation * normal(seed, points.values.size()));
  }
  return points;
}

std::vector<Cluster> three_clusters() {
  return {{{-0.7f, -0.3f}, 0.1f, 60}, {{0.4f, 0.8f}, 0.1f, 30}, {{0.8f, -0.5f}, 0.1f, 50}};
}

}  // namespace wasserkern::data
