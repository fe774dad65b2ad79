#pragma once

#include "engine/tensor.h"
#include "kernels/matmul.h"

namespace wasserkern {

/// For ops with a fused activation: the gradient before it, given the one after it and its output. A negative slope
/// would hide on which side of zero the output came from.
Tensor through_activation(const Tensor& gradient, const Tensor& output, Activation activation, float slope);
/// Throws UsageError naming the op unless slope >= 0.
void check_slope(const char* op, float slope);

}  // namespace wasserkern
