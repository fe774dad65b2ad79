#include "engine/ops/activation.h"

#include <string>

#include "engine/ops/elementwise.h"
#include "kernels/error.h"

namespace wasserkern {

Tensor through_activation(const Tensor& gradient, const Tensor& output, Activation activation, float slope) {
  switch (activation) {
    case Activation::Relu: return leaky_relu_gradient(gradient, output, 0);
    case Activation::LeakyRelu: return leaky_relu_gradient(gradient, output, slope);
    case Activation::Tanh: return tanh_gradient(gradient, output);
    default: return gradient;
  }
}

void check_slope(const char* op, float slope) {
  if (!(slope >= 0))
    throw UsageError(std::string(op) + ": the slope is " + std::to_string(slope) + "; it must not be negative");
}

}  // namespace wasserkern
