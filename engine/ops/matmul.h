#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/matmul.h"

namespace wasserkern {

enum class Transpose { No, Yes };

/// The product of two matrices, each possibly transposed. With `into`, a tensor of the result's shape outside the tape,
/// the product is written there.
WASSERKERN_API Tensor matmul(const Tensor& a, Transpose transpose_a, const Tensor& b, Transpose transpose_b,
                             const Tensor& into = {});

/// activation(x W^T + bias), fused: x [n, in] (as rows and columns of its shape), weight [out, in], bias [out] or
/// undefined; result [n, out].
WASSERKERN_API Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
                             Activation activation = Activation::None, float slope = 0);

}  // namespace wasserkern
