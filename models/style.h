#pragma once

#include <string>

#include "engine/parameters.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/export.h"
#include "models/model.h"
#include "models/network.h"

namespace wasserkern::models {

/// Sizes of the networks for images of 64 x 64 pixels. By default a step costs about what one of Dcgan64's does.
struct Style64 {
  int64_t latent = 128;         // values of z ~ N(0, I)
  int64_t width = 16;           // channels at 64 x 64 pixels; doubled with every halving
  int64_t most_channels = 256;  // anywhere
  int64_t style = 256;          // values of w, which the mapping network makes of z
  int64_t mapping_layers = 8;
  /// What the learning rate of the mapping network is multiplied by: small, since all styles hang on it.
  float mapping_rate = 0.01f;
};

/// Karras et al. 2018: z is mapped to a style w; a constant of 4 x 4 pixels grows by two convolutions at every
/// resolution, each followed by noise, bias, LeakyReLU 0.2 and instance normalisation, whose gain and shift are linear
/// in w. The first of two doubles the image: one transposed 4 x 4 convolution, which costs less than half of what
/// nearest neighbours and a 3 x 3 one do. Pixels are linear in the last features, as theirs are, so that they may
/// lie outside [-1, 1]. All layers have an equalised learning rate (models/equalised.h), which wants Adam's rate ten
/// times as high as a DCGAN. Not here: progressive growing, mixed styles, truncation and the blur after doubling.
class WASSERKERN_API StyleGenerator {
 public:
  /// Noise is drawn from `random`, which must outlive the generator. Throws UsageError.
  explicit StyleGenerator(Random& random, const Style64& sizes = {});

  /// From z [n, latent] to images [n, 64, 64, 3]. Every image and layer has fresh noise in Training, and that of the
  /// statistics in Evaluation. Differentiable once.
  Tensor operator()(const Tensor& z, Mode mode = Mode::Training) const;

  /// "mapping.I.*"; "4x4.constant"; for I = 0 and 1 at each resolution "8x8.I.weight" (but for "4x4.0"), "8x8.I.bias",
  /// the noise's "8x8.I.strength", and "8x8.I.gain.*" and "8x8.I.shift.*" of the style; "pixels.*".
  const Parameters& parameters() const { return parameters_; }
  /// The noise of Evaluation, "8x8.I.noise" [1, 8, 8, 1].
  const Parameters& statistics() const { return statistics_; }

 private:
  Tensor mapped(const Tensor& z) const;
  /// What follows a convolution, by the parameters and statistics that begin with `name`.
  Tensor styled(const Tensor& x, const std::string& name, const Tensor& w, Mode mode) const;

  Random* random_;
  Style64 sizes_;
  Parameters parameters_;
  Parameters statistics_;
};

/// Their critic: a 1 x 1 convolution of the pixels, at every resolution a 3 x 3 convolution and one of 4 x 4 and stride
/// 2 that halves the image, then a 3 x 3 one and two dense layers; LeakyReLU 0.2, an equalised learning rate. Without
/// the deviation over the minibatch: a potential is a function of a point.
WASSERKERN_API Network style_critic(Random& random, const Style64& sizes = {});

}  // namespace wasserkern::models
