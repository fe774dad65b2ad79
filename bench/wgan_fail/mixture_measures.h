#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/harness/certified.h"
#include "bench/harness/flags.h"
#include "data/mixture.h"
#include "engine/tensor.h"
#include "kernels/cost/lq.h"
#include "kernels/error.h"

namespace wasserkern::bench {

/// --radius and --deviation of a ring of eight clusters of equal weight. By default WGAN-GP's authors': a radius of 2
/// and a deviation of 0.02, and all divided by 1.414. Throws UsageError.
inline std::vector<data::Cluster> ring_flags(Flags& flags, double radius = 1.41443, double deviation = 0.0141443) {
  radius = flags.number({"radius", "NUMBER", "of the circle that the eight clusters' centres lie on"}, radius);
  deviation = flags.number({"deviation", "NUMBER", "standard deviation of a cluster's coordinates"}, deviation);
  if (!(radius > 0) || !(deviation > 0)) throw UsageError("--radius and --deviation must be positive");
  return data::ring_of_clusters(static_cast<float>(radius), static_cast<float>(deviation));
}

/// How points lie about the modes of a mixture. Near a mode is within three deviations of its centre.
struct ModeCoverage {
  int64_t covered;  // modes that have at least 1 % of all points near them
  double near;      // share of the points that are near some mode; of a normal distribution in the plane 98.9 %
};

/// Of points [n, coordinates], row by row.
inline ModeCoverage mode_coverage(const std::vector<data::Cluster>& modes, std::span<const float> points) {
  const size_t coordinates = modes.front().mean.size(), count = points.size() / coordinates;
  const auto is_near = [](std::span<const float> point, const data::Cluster& mode) {
    double square = 0;
    for (size_t k = 0; k < point.size(); ++k) square += std::pow(double(point[k]) - mode.mean[k], 2);
    return std::sqrt(square) <= 3 * double(mode.deviation);
  };
  std::vector<size_t> visits(modes.size(), 0);
  size_t near = 0;
  for (size_t i = 0; i < count; ++i) {
    bool near_some = false;
    for (size_t mode = 0; mode < modes.size(); ++mode)
      if (is_near(points.subspan(i * coordinates, coordinates), modes[mode])) {
        ++visits[mode];
        near_some = true;
      }
    near += near_some;
  }
  return {.covered = std::ranges::count_if(visits, [&](size_t seen) { return 100 * seen >= count; }),
          .near = double(near) / double(count)};
}

/// Exact W1 by Euclidean distances between points [m, ...] and [n, ...], each of equal masses; certified. Between
/// phases.
inline double exact_w1(const Tensor& x, const Tensor& y) {
  return certified_cost(losses::exact_transport(LqCost{.q = 2, .p = 1}, {x, {}}, {y, {}}));
}

}  // namespace wasserkern::bench
