#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/stencil.h"

namespace wasserkern {

/// g' L~(x) g for every image, [n, 1]; x and g [n, height, width, channels] of one shape, else ShapeError.
/// Differentiable in g to any order; x is a constant, since where the metric is taken is data: throws UsageError if it
/// is on the tape.
WASSERKERN_API Tensor stencil_form(const Stencil& stencil, const Tensor& x, const Tensor& g);

/// scale L~(x) g, with the scale of each image, [n, 1]; of g's shape. Differentiable in scale and g to any order.
WASSERKERN_API Tensor stencil_product(const Stencil& stencil, const Tensor& x, const Tensor& scale, const Tensor& g);

}  // namespace wasserkern
