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

/// The 60, 30 and 50 points in the plane of paper 000's Gaussian mixture. The paper does not say where they lie: the
/// means are those of a public re-implementation (github.com/sverdoot/qp-wgan), the deviation is ours.
WASSERKERN_API std::vector<Cluster> three_clusters();

}  // namespace wasserkern::data
