#include "kernels/matmul.h"

#include <algorithm>
#include <limits>

#include "kernels/contracts.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/epilogue.h"
#include "kernels/cuda/handles.h"

namespace wasserkern {
namespace {

int blas_size(int64_t size) {
  if (size > std::numeric_limits<int>::max())
    throw ShapeError("matmul: size " + std::to_string(size) + " is more than cuBLAS takes (2^31 - 1)");
  return static_cast<int>(size);
}

cublasOperation_t operation(const Factor& x) { return x.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }

template <class T>
int leading_dimension(Matrix<T> x) {
  return blas_size(std::max(x.stride, x.columns));
}

/// out = a b. cuBLAS reads columns first, so it sees every matrix transposed: out^T = b^T a^T.
void product(CudaStream& stream, Factor a, Factor b, Matrix<float> out) {
  const float one = 1, zero = 0;
  cuda::check(cudaSetDevice(stream.handles().device), "cudaSetDevice");
  cuda::check(cublasSgemm(stream.handles().cublas, operation(b), operation(a), blas_size(out.columns),
                          blas_size(out.rows), blas_size(a.columns()), &one, b.matrix.data, leading_dimension(b.matrix),
                          a.matrix.data, leading_dimension(a.matrix), &zero, out.data, leading_dimension(out)),
              "cublasSgemm");
}

void clear(CudaStream& stream, Matrix<float> out) {
  const auto bytes = [](int64_t floats) { return static_cast<size_t>(floats) * sizeof(float); };
  cuda::check(cudaMemset2DAsync(out.data, bytes(std::max(out.stride, out.columns)), 0, bytes(out.columns),
                                static_cast<size_t>(out.rows), stream.handles().stream),
              "cudaMemset2DAsync");
}

}  // namespace

void matmul(CudaStream& stream, const Epilogue& epilogue, Factor a, Factor b, Matrix<float> out) {
  check_matmul(epilogue, a, b, out);
  if (out.rows == 0 || out.columns == 0) return;

  if (a.columns() == 0)
    clear(stream, out);
  else
    product(stream, a, b, out);
  cuda::finish(stream, epilogue, out);
}

}  // namespace wasserkern
