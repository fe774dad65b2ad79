#include "kernels/group_sort.h"

#include "kernels/cuda/launch.cuh"
#include "kernels/group_sort_contracts.h"

namespace wasserkern {
namespace {

constexpr int kThreads = 256;

/// body(row, column) for every element of a matrix; threads run along its rows.
template <class Body>
__device__ __forceinline__ void for_each_element(int64_t rows, int64_t columns, Body body) {
  const int64_t row_step = static_cast<int64_t>(gridDim.x) * blockDim.y;
  for (int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y; row < rows; row += row_step)
    for (int64_t column = threadIdx.x; column < columns; column += blockDim.x) body(row, column);
}

/// Every element counts who in its group comes before it. Its limit is memory for small groups: 12 bytes per element,
/// as a group is read from the cache but once.
__global__ void __launch_bounds__(kThreads)
    group_sort_kernel(int size, Matrix<const float> x, Matrix<float> y, Matrix<int32_t> origin) {
  for_each_element(x.rows, x.columns, [&](int64_t row, int64_t column) {
    const int own = static_cast<int>(column) % size;
    const int64_t group = column - own;
    const float* from = x.data + row * x.stride + group;
    const float value = from[own];
    int rank = 0;
    for (int other = 0; other < size; ++other)
      rank += other < own ? !sorts_before(value, from[other]) : sorts_before(from[other], value);
    y.data[row * y.stride + group + rank] = value;
    origin.data[row * origin.stride + group + rank] = static_cast<int32_t>(column);
  });
}

/// Its limit is memory: 12 bytes per element.
template <bool kRestores>
__global__ void __launch_bounds__(kThreads)
    permutation_kernel(Matrix<const float> x, Matrix<const int32_t> origin, Matrix<float> out) {
  for_each_element(x.rows, x.columns, [&](int64_t row, int64_t column) {
    const int64_t place = origin.data[row * origin.stride + column];
    const int64_t from = kRestores ? column : place, to = kRestores ? place : column;
    out.data[row * out.stride + to] = x.data[row * x.stride + from];
  });
}

/// Starts a kernel with a thread for every element of a matrix.
template <class... Parameters, class... Arguments>
void launch_over(CudaStream& stream, Matrix<const float> x, void (*kernel)(Parameters...), Arguments... arguments) {
  if (x.rows == 0 || x.columns == 0) return;
  const dim3 threads = cuda::row_block(x.columns, kThreads);
  cuda::launch(stream, kernel, cuda::blocks_for(stream, x.rows * threads.x, kThreads), threads, arguments...);
}

}  // namespace

void group_sort(CudaStream& stream, int64_t size, Matrix<const float> x, Matrix<float> y, Matrix<int32_t> origin) {
  check_group_sort(size, x, y, origin);
  launch_over(stream, x, group_sort_kernel, static_cast<int>(size), x, y, origin);
}

void permute_columns(CudaStream& stream, Matrix<const float> x, Matrix<const int32_t> origin, Matrix<float> out) {
  check_permutation("permute_columns", x, origin, out);
  launch_over(stream, x, permutation_kernel<false>, x, origin, out);
}

void restore_columns(CudaStream& stream, Matrix<const float> x, Matrix<const int32_t> origin, Matrix<float> out) {
  check_permutation("restore_columns", x, origin, out);
  launch_over(stream, x, permutation_kernel<true>, x, origin, out);
}

}  // namespace wasserkern
