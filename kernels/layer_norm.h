#pragma once

#include "kernels/export.h"
#include "kernels/matmul.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// Ba, Kiros and Hinton 2016: every row by its own mean and (biased) variance over all columns,
/// y = activation(gain (x - mean) / sqrt(variance + epsilon) + shift).
struct LayerNorm {
  float epsilon = 1e-5f;
  Activation activation = Activation::None;
  float slope = 0;  // of LeakyRelu below zero; not negative
};

// Matrices are [rows, columns] of one shape, statistics [rows]. Throw ShapeError, or UsageError for Tanh.

/// gain and shift repeat along a row, whose columns their size divides: one value per column, or one per channel of
/// images. Overwrites y; leaves mean and 1 / sqrt(variance + epsilon) for the gradients.
WASSERKERN_API void layer_norm(CpuStream&, const LayerNorm&, Matrix<const float> x, Vector<const float> gain,
                               Vector<const float> shift, Matrix<float> y, Vector<float> mean,
                               Vector<float> inverse_deviation);
WASSERKERN_API void layer_norm(CudaStream&, const LayerNorm&, Matrix<const float> x, Vector<const float> gain,
                               Vector<const float> shift, Matrix<float> y, Vector<float> mean,
                               Vector<float> inverse_deviation);

/// With n = (x - mean) / deviation, the gradient of x from that of n, row by row: out = (g - mean(g) - n mean(g n)) /
/// deviation; overwrites. It is its own transpose.
WASSERKERN_API void layer_norm_gradient(CpuStream&, Matrix<const float> x, Vector<const float> mean,
                                        Vector<const float> inverse_deviation, Matrix<const float> gradient,
                                        Matrix<float> out);
WASSERKERN_API void layer_norm_gradient(CudaStream&, Matrix<const float> x, Vector<const float> mean,
                                        Vector<const float> inverse_deviation, Matrix<const float> gradient,
                                        Matrix<float> out);

/// The derivative in x of the scalar product of `direction` h with that gradient: with a = mean(g n), b = mean(h n)
/// and c = mean(g h) - mean(g) mean(h), out = -((c - 3 a b) n + a (h - mean(h)) + b (g - mean(g))) / deviation^2;
/// overwrites.
WASSERKERN_API void layer_norm_hessian(CpuStream&, Matrix<const float> x, Vector<const float> mean,
                                       Vector<const float> inverse_deviation, Matrix<const float> gradient,
                                       Matrix<const float> direction, Matrix<float> out);
WASSERKERN_API void layer_norm_hessian(CudaStream&, Matrix<const float> x, Vector<const float> mean,
                                       Vector<const float> inverse_deviation, Matrix<const float> gradient,
                                       Matrix<const float> direction, Matrix<float> out);

}  // namespace wasserkern
