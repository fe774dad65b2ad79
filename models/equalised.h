#pragma once

#include <cmath>

#include "engine/ops/elementwise.h"
#include "models/network.h"

namespace wasserkern::models {

/// Karras et al. 2017, equalised learning rate: weights are kept as N(0, 1) and every use multiplies them by He's
/// g / sqrt(inputs), so that the steps of Adam, which do not know how large a weight should be, suit all layers. g^2 is
/// 2 before an activation and 1 elsewhere; `inputs` are those of an output's sum. Weights kept as N(0, 1 / rate^2)
/// learn at that rate of the others'.
inline Tensor equalised(const Tensor& weight, int64_t inputs, Activation activation, float rate = 1) {
  const double square = activation == Activation::None ? 1 : 2;
  return weight * (rate * static_cast<float>(std::sqrt(square / static_cast<double>(inputs))));
}

/// Of a transposed convolution, whose windows overlap.
inline int64_t inputs_of(const TransposedConvolution& map, int64_t channels) {
  return channels * map.filter * map.filter / (map.window.stride * map.window.stride);
}

}  // namespace wasserkern::models
