#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/export.h"
#include "losses/transport/image_transport.h"
#include "losses/transport/marginal_bound.h"

namespace wasserkern::losses {

/// Images that are measures, with what bounds their distances.
struct ImagePool {
  ImageMeasures measures;
  MarginalBounds bounds;

  explicit ImagePool(const Tensor& images) : measures(image_measures(images)), bounds(measures) {}
};

/// The images of a pool by the cost of transport from one image, which is found out only for those that can matter: the
/// others' costs are bounded from below by their marginals, and then by the potentials of a few iterations at a large
/// epsilon. So what it says is true of the whole pool.
class WASSERKERN_API ImageRanking {
 public:
  /// `batch` pairs of images are solved at once. Both pools must outlive it; image number `without` does not take part.
  ImageRanking(const ImagePool& source, const ImagePool& pool, int64_t without, const ImageTransportRule& rule,
               int64_t batch);

  /// The numbers of the `count` images at least cost, ascending; throws ShapeError when there are fewer, or none asked
  /// for.
  std::vector<int64_t> nearest(int64_t count);
  /// How many images cost less.
  int64_t nearer_than(float cost);
  /// How many costs were found out.
  int64_t evaluated() const { return static_cast<int64_t>(evaluated_.size()); }

 private:
  using Ranked = std::vector<std::pair<float, int64_t>>;  // a cost, or what it is at least, and an image

  ImageTransport solve(const std::vector<int64_t>& images, const ImageTransportRule& rule) const;
  /// Bounds the next images by potentials.
  void bound_some();
  void evaluate(const std::vector<int64_t>& images);
  /// Finds out all costs that may be at most `cost`.
  void settle(float cost);

  const ImagePool& source_;
  const ImagePool& pool_;
  ImageTransportRule rule_;
  size_t batch_;
  Ranked by_marginals_, by_potentials_;  // those not yet further; descending
  Ranked evaluated_;
};

}  // namespace wasserkern::losses
