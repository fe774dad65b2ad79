#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/export.h"
#include "losses/transport/image_transport.h"

namespace wasserkern::losses {

/// W2^2 between measures on the places 0, 1, ... of a line, given by their cumulated masses up to and with each place,
/// which end at 1: the squared distance of their quantiles, integrated. Exact.
WASSERKERN_API double line_transport(std::span<const double> from, std::span<const double> to);

/// Bounds of W2^2 between images from below, by the measures' marginals on rows and on columns, which are measures on a
/// line each: sums over both and over channels. A coupling of images has couplings of their marginals in it, and the
/// cost is the sum of theirs.
class WASSERKERN_API MarginalBounds {
 public:
  explicit MarginalBounds(const ImageMeasures& images);

  double between(int64_t i, const MarginalBounds& others, int64_t j) const;

 private:
  std::span<const double> line(int64_t image, int64_t index) const;

  std::vector<int64_t> begins_;  // of an image's lines among its cumulated masses; and their end
  std::vector<double> cumulated_;
};

}  // namespace wasserkern::losses
