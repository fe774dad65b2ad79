#pragma once

#include <string>

#include "kernels/batch_norm.h"
#include "kernels/contracts.h"

/// What batch and layer normalisation ask of their arguments on both backends.
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

}  // namespace wasserkern
