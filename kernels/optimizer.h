#pragma once

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// Kingma and Ba 2015, algorithm 1.
struct AdamRule {
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
};

/// One step over a flat buffer. `rate` [1]; `powers` [2] holds beta1^t and beta2^t (1 before the first step) and is
/// advanced first; then first = beta1 first + (1 - beta1) g, second = beta2 second + (1 - beta2) g^2,
/// parameter -= rate (first / (1 - beta1^t)) / (sqrt(second / (1 - beta2^t)) + epsilon).
/// All buffers lie in the stream's memory; updates powers, first, second and parameter in place. Throws ShapeError.
WASSERKERN_API void adam(CpuStream&, AdamRule, Vector<const float> rate, Vector<const float> gradient,
                         Vector<double> powers, Vector<float> first, Vector<float> second, Vector<float> parameter);
WASSERKERN_API void adam(CudaStream&, AdamRule, Vector<const float> rate, Vector<const float> gradient,
                         Vector<double> powers, Vector<float> first, Vector<float> second, Vector<float> parameter);

/// Hinton 2012, with PyTorch's defaults; TensorFlow's are decay 0.9, epsilon 1e-10.
struct RmsPropRule {
  float decay = 0.99f;
  float epsilon = 1e-8f;
};

/// square = decay square + (1 - decay) g^2, parameter -= rate g / (sqrt(square) + epsilon), in place.
WASSERKERN_API void rmsprop(CpuStream&, RmsPropRule, Vector<const float> rate, Vector<const float> gradient,
                            Vector<float> square, Vector<float> parameter);
WASSERKERN_API void rmsprop(CudaStream&, RmsPropRule, Vector<const float> rate, Vector<const float> gradient,
                            Vector<float> square, Vector<float> parameter);

/// average += (1 - decay) (x - average), in place: what does not move keeps its bits.
WASSERKERN_API void exponential_average(CpuStream&, float decay, Vector<const float> x, Vector<float> average);
WASSERKERN_API void exponential_average(CudaStream&, float decay, Vector<const float> x, Vector<float> average);

}  // namespace wasserkern
