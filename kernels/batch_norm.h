#pragma once

#include "kernels/export.h"
#include "kernels/matmul.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// Ioffe and Szegedy 2015, with PyTorch's defaults: y = activation(gain (x - mean) / sqrt(variance + epsilon) + shift),
/// column by column of x [rows, channels]; the rows of images are their pixels. The activation costs no pass of its
/// own.
struct BatchNorm {
  float epsilon = 1e-5f;
  float momentum = 0.1f;  // of the running statistics
  Activation activation = Activation::None;
  float slope = 0;  // of LeakyRelu below zero; not negative
};

// Gain, shift and statistics have one value per channel. Where |mean| is far above the deviation, results are as exact
// as a mean that is rounded to float lets them be: to a few 2^-24 |mean| / deviation. Throw ShapeError, or UsageError
// for Tanh.

/// Normalises by the batch's own mean and variance, the biased one, and overwrites y; leaves mean and 1 / sqrt(variance
/// + epsilon) for the gradient. Running statistics move in place: running = (1 - momentum) running + momentum batch,
/// with the unbiased variance. At least 2 rows.
WASSERKERN_API void batch_norm(CpuStream&, const BatchNorm&, Matrix<const float> x, Vector<const float> gain,
                               Vector<const float> shift, Vector<float> running_mean, Vector<float> running_variance,
                               Matrix<float> y, Vector<float> mean, Vector<float> inverse_deviation);
WASSERKERN_API void batch_norm(CudaStream&, const BatchNorm&, Matrix<const float> x, Vector<const float> gain,
                               Vector<const float> shift, Vector<float> running_mean, Vector<float> running_variance,
                               Matrix<float> y, Vector<float> mean, Vector<float> inverse_deviation);

/// Normalises by the running statistics, and leaves what it took of them; overwrites.
WASSERKERN_API void batch_norm_inference(CpuStream&, const BatchNorm&, Matrix<const float> x, Vector<const float> gain,
                                         Vector<const float> shift, Vector<const float> running_mean,
                                         Vector<const float> running_variance, Matrix<float> y, Vector<float> mean,
                                         Vector<float> inverse_deviation);
WASSERKERN_API void batch_norm_inference(CudaStream&, const BatchNorm&, Matrix<const float> x, Vector<const float> gain,
                                         Vector<const float> shift, Vector<const float> running_mean,
                                         Vector<const float> running_variance, Matrix<float> y, Vector<float> mean,
                                         Vector<float> inverse_deviation);

/// From `gradient`, that of y: the gradients of x, gain and shift, through the batch's statistics; overwrites. The
/// activation's slope is found again from x, so that y need not be kept.
WASSERKERN_API void batch_norm_gradient(CpuStream&, const BatchNorm&, Matrix<const float> x, Vector<const float> gain,
                                        Vector<const float> shift, Vector<const float> mean,
                                        Vector<const float> inverse_deviation, Matrix<const float> gradient,
                                        Matrix<float> x_gradient, Vector<float> gain_gradient,
                                        Vector<float> shift_gradient);
WASSERKERN_API void batch_norm_gradient(CudaStream&, const BatchNorm&, Matrix<const float> x, Vector<const float> gain,
                                        Vector<const float> shift, Vector<const float> mean,
                                        Vector<const float> inverse_deviation, Matrix<const float> gradient,
                                        Matrix<float> x_gradient, Vector<float> gain_gradient,
                                        Vector<float> shift_gradient);

}  // namespace wasserkern
