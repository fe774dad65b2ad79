#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/matmul.h"

namespace wasserkern::testing {

inline double activated(const Epilogue& epilogue, double x) {
  switch (epilogue.activation) {
    case Activation::None: return x;
    case Activation::Relu: return std::max(x, 0.0);
    case Activation::LeakyRelu: return x > 0 ? x : epilogue.slope * x;
    case Activation::Tanh: return std::tanh(x);
  }
  return x;
}

}  // namespace wasserkern::testing
