#pragma once

#include <string>

#include "engine/tensor.h"
#include "kernels/convolution.h"
#include "kernels/error.h"

namespace wasserkern {

/// A tensor as kernels see images; throws ShapeError in the name of `op`.
inline ImageView<float> images_of(const char* op, const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  if (shape.rank() != 4)
    throw ShapeError(std::string(op) + ": images of shape " + shape.text() +
                     "; they must be [count, height, width, channels]");
  return {tensor.data(), shape[0], shape[1], shape[2], shape[3]};
}

}  // namespace wasserkern
