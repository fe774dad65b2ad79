#pragma once

#include "kernels/elementwise.h"
#include "kernels/matmul.h"

namespace wasserkern::cpu {

/// out = activation(out + bias), in place, where no primitive can do it on the way; out is contiguous.
inline void apply_epilogue(CpuStream& stream, const Epilogue& epilogue, Matrix<float> out) {
  using Kind = UnaryFunction::Kind;
  const Vector<float> all{out.data, out.rows * out.columns};
  if (epilogue.bias.size)
    binary(stream, {BinaryFunction::Kind::Add}, {out.data, out.columns, 1}, {epilogue.bias.data, 0, 1}, out);
  switch (epilogue.activation) {
    case Activation::None: return;
    case Activation::Relu: return unary(stream, {Kind::LeakyRelu, 0}, all, all);
    case Activation::LeakyRelu: return unary(stream, {Kind::LeakyRelu, epilogue.slope}, all, all);
    case Activation::Tanh: return unary(stream, {Kind::Tanh}, all, all);
  }
}

}  // namespace wasserkern::cpu
