#pragma once

#include "kernels/convolution.h"
#include "kernels/export.h"
#include "kernels/matmul.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// Ulyanov et al. 2016: every image's every channel by its own mean and (biased) variance over its pixels. With a gain
/// and a shift for each of them it is the adaptive one of Huang and Belongie 2017: y = gain (a - mean) / sqrt(variance
/// + epsilon) + shift.
struct InstanceNorm {
  float epsilon = 1e-5f;
  Activation activation = Activation::None;  // before the normalisation
  float slope = 0;                           // of LeakyRelu below zero; not negative
};

/// What is added to an image before the activation, a = activation(x + strength noise + bias), as between a convolution
/// and its normalisation in Karras et al. 2018. Neither it nor the activation costs a pass of its own.
struct PixelAdditions {
  Vector<const float> bias = {};      // [channels], or empty
  Matrix<const float> noise = {};     // a value per pixel: [images, pixels], [1, pixels] for all images, or empty
  Vector<const float> strength = {};  // [channels] of the noise; empty without it
};

// Images have at least 1 pixel; gain, shift, mean, inverse_deviation and the gradients of the first two are [images,
// channels]. Throw ShapeError, or UsageError for Tanh.

/// Overwrites y; leaves mean and 1 / sqrt(variance + epsilon) for the gradient.
WASSERKERN_API void instance_norm(CpuStream&, const InstanceNorm&, ImageView<const float> x, const PixelAdditions&,
                                  Matrix<const float> gain, Matrix<const float> shift, ImageView<float> y,
                                  Matrix<float> mean, Matrix<float> inverse_deviation);
WASSERKERN_API void instance_norm(CudaStream&, const InstanceNorm&, ImageView<const float> x, const PixelAdditions&,
                                  Matrix<const float> gain, Matrix<const float> shift, ImageView<float> y,
                                  Matrix<float> mean, Matrix<float> inverse_deviation);

/// Where the gradients go; those of bias and strength are as empty as what was added.
struct InstanceNormGradients {
  ImageView<float> x;
  Matrix<float> gain, shift;
  Vector<float> bias = {}, strength = {};
};

/// From `gradient`, that of y, through the statistics; overwrites. The activation is found again from x.
WASSERKERN_API void instance_norm_gradient(CpuStream&, const InstanceNorm&, ImageView<const float> x,
                                           const PixelAdditions&, Matrix<const float> gain, Matrix<const float> mean,
                                           Matrix<const float> inverse_deviation, ImageView<const float> gradient,
                                           const InstanceNormGradients&);
WASSERKERN_API void instance_norm_gradient(CudaStream&, const InstanceNorm&, ImageView<const float> x,
                                           const PixelAdditions&, Matrix<const float> gain, Matrix<const float> mean,
                                           Matrix<const float> inverse_deviation, ImageView<const float> gradient,
                                           const InstanceNormGradients&);

}  // namespace wasserkern
