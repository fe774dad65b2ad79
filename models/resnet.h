#pragma once

#include "engine/parameters.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/export.h"
#include "models/model.h"

namespace wasserkern::models {

/// A critic of square colour images with residual blocks, after Gulrajani et al. 2017, appendix C. Each block is x +
/// convolution(relu(convolution(relu(x)))); while images are larger than 8 x 8 it halves them, and two blocks follow
/// that do not. Where theirs takes means of neighbours, convolutions have stride 2.
class WASSERKERN_API ResidualCritic {
 public:
  struct Sizes {
    int64_t side = 32;   // of images, a power of two of at least 8
    int64_t width = 64;  // channels of every block
  };

  /// Weights and biases are U(-1/sqrt(n), 1/sqrt(n)), n the inputs of an output. Throws UsageError for such images or
  /// widths that it cannot have.
  ResidualCritic(Random& random, const Sizes& sizes);

  /// x [n, side, side, 3], or as many values; result [n, 1].
  Tensor operator()(const Tensor& x, Mode mode = Mode::Training) const;

  const Parameters& parameters() const { return parameters_; }
  const Parameters& statistics() const { return statistics_; }

 private:
  Sizes sizes_;
  Parameters parameters_;
  Parameters statistics_;
};

}  // namespace wasserkern::models
