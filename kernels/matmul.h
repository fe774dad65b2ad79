#pragma once

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

enum class Activation { None, Relu, LeakyRelu, Tanh };

/// What happens to a product before it is stored: out = activation(product + bias).
struct Epilogue {
  Vector<const float> bias = {};  // one value per column, or empty
  Activation activation = Activation::None;
  float slope = 0;  // of LeakyRelu below zero
};

/// A factor of a product, possibly read as its transpose.
struct Factor {
  Matrix<const float> matrix;
  bool transposed = false;

  int64_t rows() const { return transposed ? matrix.columns : matrix.rows; }
  int64_t columns() const { return transposed ? matrix.rows : matrix.columns; }
};

/// out = activation(a b + bias); a [m,k], b [k,n] after transposition, out [m,n]; overwrites.
/// With k = 0 the product is zero. Throws ShapeError. Full fp32 unless the stream was made with TF32.
WASSERKERN_API void matmul(CpuStream&, const Epilogue&, Factor a, Factor b, Matrix<float> out);
WASSERKERN_API void matmul(CudaStream&, const Epilogue&, Factor a, Factor b, Matrix<float> out);

}  // namespace wasserkern
