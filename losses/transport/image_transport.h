#pragma once

#include <cstdint>
#include <vector>

#include "engine/array.h"
#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern::losses {

/// Images as measures: every channel's values over their sum, on the grid of pixels at distance 1. Tensors of the
/// images' shape [n, height, width, channels].
struct WASSERKERN_API ImageMeasures {
  Tensor mass;
  Tensor log_mass;

  int64_t count() const { return mass.shape().rows(); }
  ImageMeasures gathered(const Array<int32_t>& index) const;
};

/// Of images with values of 0 or more; throws DataError for others, NaN and infinity. A channel without any mass counts
/// as an even one, which is what ever darker even greys tend to.
WASSERKERN_API ImageMeasures image_measures(const Tensor& images);

/// Entropic transport by Sinkhorn's iteration: epsilon in squared pixels. It ends where the coupling's marginals differ
/// from the images by no more than `tolerance`, as sums over pixels and channels of |difference|.
struct ImageTransportRule {
  float epsilon = 0.25f;
  float tolerance = 1e-3f;
  int64_t most_iterations = 2000;
};

/// For each pair of images, sums over channels in squared pixels.
struct ImageTransport {
  std::vector<float> cost;         // of the entropic coupling: above W2^2, by less than epsilon for each channel
  std::vector<float> lower_bound;  // of W2^2 itself, whatever epsilon and tolerance: the value of admissible potentials
  std::vector<float> marginal_error;
};

/// Transport of images to images, pair by pair; `from` may also be one image for all. Squared distances of pixels are
/// the cost. Potentials start at a large epsilon, which halves down to that of the rule, and are over-relaxed; each
/// pair leaves when it is done, so that its result does not depend on the others. Throws ShapeError, and UsageError for
/// a rule that is none.
WASSERKERN_API ImageTransport image_transport(const ImageMeasures& from, const ImageMeasures& to,
                                              const ImageTransportRule& rule);

}  // namespace wasserkern::losses
