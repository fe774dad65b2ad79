#include "kernels/matmul.h"

#include "kernels/contracts.h"
#include "kernels/cpu/epilogue.h"
#include "kernels/cpu/onednn/product.h"
#include "kernels/elementwise.h"

namespace wasserkern {
namespace {

/// What is left of a product over an empty sum: the epilogue of zero.
void epilogue_of_zero(CpuStream& stream, const Epilogue& epilogue, Matrix<float> out) {
  for (int64_t i = 0; i < out.rows; ++i) {
    const Matrix<float> row{out.data + i * out.stride, 1, out.columns};
    fill(stream, 0, {row.data, row.columns});
    cpu::apply_epilogue(stream, epilogue, row);
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
