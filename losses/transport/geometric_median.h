#pragma once

#include <cstdint>
#include <vector>

#include "kernels/export.h"
#include "losses/transport/point_distances.h"

namespace wasserkern::losses {

struct GeometricMedianRule {
  int64_t steps = 50;
  double tolerance = 1e-6;  // it moves less than this share of the points' mean distance to it
};

/// The point at the least sum of distances to some points, as a mean of them with weights.
struct GeometricMedian {
  std::vector<double> weight;  // of each point, above 0, 1 on average
  double distance_sum = 0;
};

/// Of the points with these numbers, at least one, by Weiszfeld's steps from their mean: each point's new weight is one
/// over its distance. At a point of the data, where that is infinite, by the step of Vardi and Zhang 2000, which either
/// leaves it or knows that it is the median.
WASSERKERN_API GeometricMedian geometric_median(const PointDistances& distances, const std::vector<int64_t>& points,
                                                const GeometricMedianRule& rule);

}  // namespace wasserkern::losses
