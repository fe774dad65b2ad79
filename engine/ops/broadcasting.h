#pragma once

#include "engine/tensor.h"
#include "kernels/elementwise.h"

namespace wasserkern {

/// How a smaller shape is repeated to fill a larger one, seen as a matrix. See engine/ops/elementwise.h.
struct Broadcasting {
  enum class Kind { Whole, Scalar, Row, Column };
  Kind kind;
  int64_t rows;  // of the larger shape, as this kind sees it
  int64_t columns;

  /// Throws ShapeError when `small` cannot be repeated to `large`.
  Broadcasting(const Shape& small, const Shape& large);
  Broadcast view(const float* data) const;
};

/// Two operands read with one shape, that of one of them.
struct BroadcastPair {
  Shape shape;
  Broadcast x, y;
  int64_t rows, columns;

  /// Throws ShapeError when neither operand can be repeated to the other's shape.
  BroadcastPair(const Tensor& x, const Tensor& y);
  Matrix<float> matrix(const Tensor& out) const { return {out.data(), rows, columns}; }
};

}  // namespace wasserkern
