#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/layer_norm.h"

namespace wasserkern {

/// Layer normalisation of every row of x [n, ...] over all of its values, fused with its activation. gain and shift are
/// [channels], as in the code of WGAN-GP (Gulrajani et al. 2017), or have the shape of a row, as in PyTorch.
/// Differentiable twice, as a gradient penalty needs. Throws ShapeError.
WASSERKERN_API Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, const LayerNorm& rule = {});

}  // namespace wasserkern
