#include "kernels/matmul.h"

#include "kernels/contracts.h"
#include "kernels/cpu/onednn/product.h"
#include "kernels/elementwise.h"

namespace wasserkern {
namespace {

/// What is left of a product over an empty sum: the epilogue of zero.
void epilogue_of_zero(CpuStream& stream, const Epilogue& epilogue, Matrix<float> out) {
  const float zero = 0;
  const Broadcast bias = epilogue.bias.size ? Broadcast{epilogue.bias.data, 0, 1} : Broadcast{&zero, 0, 0};
  for (int64_t i = 0; i < out.rows; ++i) {
    const Vector<float> row{out.data + i * out.stride, out.columns};
    broadcast(stream, bias, {row.data, 1, row.size});
    switch (epilogue.activation) {
      case Activation::None: break;
      case Activation::Relu: unary(stream, {UnaryFunction::Kind::LeakyRelu, 0}, row, row); break;
      case Activation::LeakyRelu: unary(stream, {UnaryFunction::Kind::LeakyRelu, epilogue.slope}, row, row); break;
      case Activation::Tanh: unary(stream, {UnaryFunction::Kind::Tanh}, row, row); break;
    }
  }
}

}  // namespace

void matmul(CpuStream& stream, const Epilogue& epilogue, Factor a, Factor b, Matrix<float> out) {
  check_matmul(epilogue, a, b, out);
  if (out.rows == 0 || out.columns == 0) return;
  if (a.columns() == 0) return epilogue_of_zero(stream, epilogue, out);
  onednn::product(stream, epilogue, a, b, out);
}

}  // namespace wasserkern
