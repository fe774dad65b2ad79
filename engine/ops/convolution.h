#pragma once

#include "engine/tensor.h"
#include "kernels/convolution.h"
#include "kernels/export.h"

namespace wasserkern {

// Images are [count, height, width, channels], weights [outputs, height, width, inputs] (OHWI). The three ops are each
// other's derivatives (kernels/convolution.h), so that gradients can be taken to any order.

/// activation(conv(x, weight) + bias), fused: x [n, h, w, inputs], bias [outputs] or undefined; result [n, h', w',
/// outputs] with h' = (h + 2 padding - filter height) / stride + 1.
WASSERKERN_API Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias, const Window& window,
                                  Activation activation = Activation::None, float slope = 0);

/// activation(conv^T(y, weight) + bias), fused: from images [n, h', w', outputs] like those a convolution makes to
/// images [n, height, width, inputs] like those it takes; bias [inputs] or undefined.
WASSERKERN_API Tensor transposed_convolution(const Tensor& y, const Tensor& weight, const Tensor& bias,
                                             const Window& window, int64_t height, int64_t width,
                                             Activation activation = Activation::None, float slope = 0);

/// d/dweight of <y, conv(x, weight)>, of the weight's shape [outputs, filter height, filter width, inputs]. With
/// `into`, a tensor of that shape outside the tape, it is written there.
WASSERKERN_API Tensor convolution_weight_gradient(const Tensor& x, const Tensor& y, const Window& window,
                                                  int64_t filter_height, int64_t filter_width, const Tensor& into = {});

}  // namespace wasserkern
