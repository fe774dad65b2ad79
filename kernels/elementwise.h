#pragma once

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// y = f(x), element by element, with the parameters a and b of its kind.
struct UnaryFunction {
  enum class Kind {
    Affine,       // a x + b
    Absolute,     // |x|
    Sign,         // -1, 0, 1; 0 at 0
    Square,       // x^2
    SquareRoot,   // sqrt(x)
    Reciprocal,   // 1 / x
    Exponential,  // e^x
    Logarithm,    // ln x
    Tanh,         // tanh x
    Softplus,     // ln(1 + e^x), without overflow
    Sigmoid,      // 1 / (1 + e^-x)
    LeakyRelu,    // x > 0 ? x : a x
    Clamp,        // min(max(x, a), b); NaN stays NaN
    Inside,       // a < x < b ? 1 : 0
  };
  Kind kind;
  float a = 0;
  float b = 0;
};

/// out = f(x, y), element by element, with the parameter a of its kind.
struct BinaryFunction {
  enum class Kind {
    Add,                // x + y
    Subtract,           // x - y
    Multiply,           // x y
    Divide,             // x / y
    LeakyReluGradient,  // x (y > 0 ? 1 : a); y may be the activation's input or output if a >= 0
    TanhGradient,       // x (1 - y^2); y is the activation's output
  };
  Kind kind;
  float a = 0;
};

/// A matrix, a row `[1, columns]`, a column `[rows, 1]` or a scalar, read as if `[rows, columns]`:
/// element (i, j) is `data[i * row_stride + j * column_stride]`, column_stride 0 or 1.
struct Broadcast {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 0;
};

/// Overwrites y, which may be x itself. Throws ShapeError when the sizes differ.
WASSERKERN_API void unary(CpuStream&, UnaryFunction, Vector<const float> x, Vector<float> y);
WASSERKERN_API void unary(CudaStream&, UnaryFunction, Vector<const float> x, Vector<float> y);

/// Overwrites out, which may be an operand that is not broadcast. out must be contiguous.
WASSERKERN_API void binary(CpuStream&, BinaryFunction, Broadcast x, Broadcast y, Matrix<float> out);
WASSERKERN_API void binary(CudaStream&, BinaryFunction, Broadcast x, Broadcast y, Matrix<float> out);

/// y += x.
WASSERKERN_API void accumulate(CpuStream&, Vector<const float> x, Vector<float> y);
WASSERKERN_API void accumulate(CudaStream&, Vector<const float> x, Vector<float> y);

/// Overwrites out with value.
WASSERKERN_API void fill(CpuStream&, float value, Vector<float> out);
WASSERKERN_API void fill(CudaStream&, float value, Vector<float> out);

/// Overwrites y with x; they do not overlap.
WASSERKERN_API void copy(CpuStream&, Vector<const float> x, Vector<float> y);
WASSERKERN_API void copy(CudaStream&, Vector<const float> x, Vector<float> y);

/// Overwrites out `[rows, columns]` with x broadcast.
WASSERKERN_API void broadcast(CpuStream&, Broadcast x, Matrix<float> out);
WASSERKERN_API void broadcast(CudaStream&, Broadcast x, Matrix<float> out);

}  // namespace wasserkern
