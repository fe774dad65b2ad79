#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/instance_norm.h"

namespace wasserkern {

/// What instance_norm adds to images before their activation; undefined parts are not there.
struct ImageAdditions {
  Tensor bias = {};   // [channels]
  Tensor noise = {};  // [n or 1, height, width, 1]: one value per pixel, of each image or the same for all; a constant
  Tensor strength = {};  // [channels], of the noise
};

/// Instance normalisation of activation(x + strength noise + bias), x [n, height, width, channels], fused: every
/// image's every channel by its own mean and variance, then by gain and shift [n, channels], which a style may decide
/// (adaptive instance normalisation). Differentiable once. Throws ShapeError.
WASSERKERN_API Tensor instance_norm(const Tensor& x, const Tensor& gain, const Tensor& shift,
                                    const ImageAdditions& added = {}, const InstanceNorm& rule = {});

}  // namespace wasserkern
