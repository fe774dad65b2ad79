#pragma once

#include <cstdint>
#include <vector>

#include "data/points.h"
#include "kernels/export.h"

namespace wasserkern::data {

/// Points of an isotropic normal distribution.
struct Cluster {
  std::vector<float> mean;
  float deviation;  // of every coordinate
  int64_t count;
};

/// The points of all clusters, in their order: a function of the seed alone, bit-equal on every machine, and none of
/// the numbers that a run with the same seed draws. Throws UsageError without clusters, when their means differ in
/// length or have none, for a negative count, or a deviation that is not finite or negative.
WASSERKERN_API Points gaussian_mixture(const std::vector<Cluster>& clusters, uint64_t seed);

/// `count` fresh points, each of a cluster that is drawn in proportion to the clusters' counts: sample `number` of the
/// seed's, which are independent, also of gaussian_mixture's, and otherwise as those. Throws UsageError as it does, and
/// for a negative count or clusters whose counts are all 0.
WASSERKERN_API Points mixture_sample(const std::vector<Cluster>& clusters, int64_t count, uint64_t seed,
                                     uint64_t number);

/// The 60, 30 and 50 points in the plane of paper 000's Gaussian mixture. The paper does not say where they lie: the
/// means are those of a public re-implementation (github.com/sverdoot/qp-wgan), the deviation is ours.
WASSERKERN_API std::vector<Cluster> three_clusters();

/// Eight clusters of `each` points on a circle around the origin: on the axes and half-way between.
WASSERKERN_API std::vector<Cluster> ring_of_clusters(float radius, float deviation, int64_t each = 1);

}  // namespace wasserkern::data
