#pragma once

#include <string>

#include "kernels/batch_norm.h"
#include "kernels/contracts.h"
#include "kernels/instance_norm.h"
#include "kernels/layer_norm.h"

/// What batch, instance and layer normalisation ask of their arguments on both backends.
namespace wasserkern {

/// The activation as a factor below zero; 1 is none. Throws UsageError for one that is not linear there, or falls.
inline float slope_of(const char* kernel, Activation activation, float slope) {
  switch (activation) {
    case Activation::None: return 1;
    case Activation::Relu: return 0;
    case Activation::LeakyRelu:
      if (slope >= 0) return slope;
      throw UsageError(std::string(kernel) + ": the slope is " + std::to_string(slope) + "; it must not be negative");
    default:
      throw UsageError(std::string(kernel) + ": tanh cannot be fused with a normalisation; apply it to the result");
  }
}

inline float slope_of(const BatchNorm& rule) { return slope_of("batch_norm", rule.activation, rule.slope); }
inline float slope_of(const InstanceNorm& rule) { return slope_of("instance_norm", rule.activation, rule.slope); }
inline float slope_of(const LayerNorm& rule) { return slope_of("layer_norm", rule.activation, rule.slope); }

inline void check_batch_norm(const BatchNorm& rule, Matrix<const float> x, Vector<const float> gain,
                             Vector<const float> shift, Vector<const float> mean, Vector<const float> inverse_deviation,
                             Matrix<const float> y) {
  slope_of(rule);
  check_equal("batch_norm: size of gain", gain.size, x.columns);
  check_equal("batch_norm: size of shift", shift.size, x.columns);
  check_equal("batch_norm: size of mean", mean.size, x.columns);
  check_equal("batch_norm: size of inverse_deviation", inverse_deviation.size, x.columns);
  check_same_shape("batch_norm: shape of y", y, x);
}

inline void check_running_statistics(Matrix<const float> x, Vector<const float> mean, Vector<const float> variance) {
  check_equal("batch_norm: size of the running mean", mean.size, x.columns);
  check_equal("batch_norm: size of the running variance", variance.size, x.columns);
}

inline void check_batch(Matrix<const float> x) {
  if (x.rows < 2)
    throw ShapeError("batch_norm: " + std::to_string(x.rows) +
                     " values per channel have no unbiased variance; a batch needs at least 2");
}

inline void check_batch_norm_gradient(const BatchNorm& rule, Matrix<const float> x, Vector<const float> gain,
                                      Vector<const float> shift, Vector<const float> mean,
                                      Vector<const float> inverse_deviation, Matrix<const float> gradient,
                                      Matrix<const float> x_gradient, Vector<const float> gain_gradient,
                                      Vector<const float> shift_gradient) {
  check_batch(x);
  check_batch_norm(rule, x, gain, shift, mean, inverse_deviation, x_gradient);
  check_same_shape("batch_norm: shape of the gradient", gradient, x);
  check_equal("batch_norm: size of the gain's gradient", gain_gradient.size, x.columns);
  check_equal("batch_norm: size of the shift's gradient", shift_gradient.size, x.columns);
}

inline void check_instance_norm(const InstanceNorm& rule, ImageView<const float> x, const PixelAdditions& added,
                                Matrix<const float> gain, Matrix<const float> shift, Matrix<const float> mean,
                                Matrix<const float> inverse_deviation, ImageView<const float> y) {
  slope_of(rule);
  const int64_t pixels = x.height * x.width;
  if (pixels < 1) throw ShapeError("instance_norm: images without pixels have no mean");
  const Matrix<const float> per_image{nullptr, x.count, x.channels};
  check_same_shape("instance_norm: shape of gain", gain, per_image);
  check_same_shape("instance_norm: shape of shift", shift, per_image);
  check_same_shape("instance_norm: shape of mean", mean, per_image);
  check_same_shape("instance_norm: shape of inverse_deviation", inverse_deviation, per_image);
  check_same_shape("instance_norm: shape of y's pixels", y.pixels(), x.pixels());
  if (added.bias.size > 0) check_equal("instance_norm: size of bias", added.bias.size, x.channels);
  check_equal("instance_norm: size of the noise's strength", added.strength.size,
              added.noise.columns > 0 ? x.channels : 0);
  if (added.noise.columns == 0) return;
  check_same_shape("instance_norm: shape of noise", added.noise,
                   {nullptr, added.noise.rows == 1 ? 1 : x.count, pixels});
}

inline void check_instance_norm_gradient(const InstanceNorm& rule, ImageView<const float> x,
                                         const PixelAdditions& added, Matrix<const float> gain,
                                         Matrix<const float> mean, Matrix<const float> inverse_deviation,
                                         ImageView<const float> gradient, const InstanceNormGradients& to) {
  check_instance_norm(rule, x, added, gain, to.shift, mean, inverse_deviation, gradient);
  check_same_shape("instance_norm: pixels of x's gradient", to.x.pixels(), x.pixels());
  check_same_shape("instance_norm: shape of the gain's gradient", to.gain, gain);
  check_equal("instance_norm: size of the bias's gradient", to.bias.size, added.bias.size);
  check_equal("instance_norm: size of the strength's gradient", to.strength.size, added.strength.size);
}

inline void check_layer_norm_gradient(Matrix<const float> x, Vector<const float> mean,
                                      Vector<const float> inverse_deviation, Matrix<const float> gradient,
                                      Matrix<const float> direction, Matrix<const float> out) {
  check_equal("layer_norm: size of mean", mean.size, x.rows);
  check_equal("layer_norm: size of inverse_deviation", inverse_deviation.size, x.rows);
  check_same_shape("layer_norm: shape of the gradient", gradient, x);
  check_same_shape("layer_norm: shape of the direction", direction, x);
  check_same_shape("layer_norm: shape of the result", out, x);
  if (x.columns < 1 || x.columns > int64_t{1} << 30)
    throw ShapeError("layer_norm: rows of " + std::to_string(x.columns) +
                     " values; a mean needs at least 1, and there may be 2^30");
}

inline void check_layer_norm(const LayerNorm& rule, Matrix<const float> x, Vector<const float> gain,
                             Vector<const float> shift, Matrix<const float> y, Vector<const float> mean,
                             Vector<const float> inverse_deviation) {
  slope_of(rule);
  check_layer_norm_gradient(x, mean, inverse_deviation, x, x, y);
  check_equal("layer_norm: size of shift", shift.size, gain.size);
  if (gain.size < 1 || x.columns % gain.size != 0)
    throw ShapeError("layer_norm: gain has " + std::to_string(gain.size) + " values, which do not repeat to rows of " +
                     std::to_string(x.columns));
}

}  // namespace wasserkern
