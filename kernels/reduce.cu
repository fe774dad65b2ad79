#include "kernels/reduce.h"

#include <cub/block/block_reduce.cuh>

#include "kernels/check.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/warp.cuh"

namespace wasserkern {
namespace {

// Sums are trees of fixed chunks: a level sums every chunk to one number, until one chunk is left.

constexpr int kThreads = 256;
constexpr int64_t kColumnsPerChunk = 4096;
constexpr int64_t kRowsPerChunk = 256;
constexpr int64_t kShortRow = 1024;  // a warp is enough

/// Numbers in all levels below the last when `length` numbers are summed in chunks.
int64_t partial_sums(int64_t length, int64_t chunk) {
  int64_t total = 0;
  while (length > chunk) total += length = cuda::ceil_div(length, chunk);
  return total;
}

float* floats(CudaStream& stream, int64_t count) {
  return static_cast<float*>(stream.workspace(static_cast<size_t>(count) * sizeof(float)));
}

/// out[i, c] = sum of chunk c of row i; one block per sum.
__global__ void __launch_bounds__(kThreads) sum_chunks_kernel(Matrix<const float> x, Matrix<float> out) {
  __shared__ cub::BlockReduce<float, kThreads>::TempStorage storage;
  for (int64_t item = blockIdx.x; item < out.rows * out.columns; item += gridDim.x) {
    const int64_t row = item / out.columns, chunk = item % out.columns;
    const int64_t end = min(x.columns, (chunk + 1) * kColumnsPerChunk);
    float total = 0;
    for (int64_t j = chunk * kColumnsPerChunk + threadIdx.x; j < end; j += kThreads)
      total += x.data[row * x.stride + j];
    total = cub::BlockReduce<float, kThreads>(storage).Sum(total);
    if (threadIdx.x == 0) out.data[row * out.stride + chunk] = total;
    __syncthreads();
  }
}

/// out[i] = sum of row i; one warp per sum.
__global__ void sum_short_rows_kernel(Matrix<const float> x, float* out) {
  const int64_t lane = threadIdx.x % cuda::kWarp;
  for (int64_t row = cuda::grid_thread() / cuda::kWarp; row < x.rows; row += cuda::grid_threads() / cuda::kWarp) {
    float total = 0;
    for (int64_t j = lane; j < x.columns; j += cuda::kWarp) total += x.data[row * x.stride + j];
    total = cuda::warp_sum(total);
    if (lane == 0) out[row] = total;
  }
}

/// out[c, j] = sum of column j over the rows of chunk c; a warp's width of columns per block, a chunk per grid row.
__global__ void __launch_bounds__(kThreads) sum_row_chunks_kernel(Matrix<const float> x, Matrix<float> out) {
  constexpr int kDown = kThreads / cuda::kWarp;
  __shared__ float sums[kDown][cuda::kWarp];
  const int64_t column = static_cast<int64_t>(blockIdx.x) * cuda::kWarp + threadIdx.x;
  for (int64_t chunk = blockIdx.y; chunk < out.rows; chunk += gridDim.y) {
    const int64_t end = min(x.rows, (chunk + 1) * kRowsPerChunk);
    float total = 0;
    if (column < x.columns)
      for (int64_t i = chunk * kRowsPerChunk + threadIdx.y; i < end; i += kDown) total += x.data[i * x.stride + column];
    sums[threadIdx.y][threadIdx.x] = total;
    __syncthreads();
    if (threadIdx.y == 0 && column < x.columns) {
      for (int i = 1; i < kDown; ++i) total += sums[i][threadIdx.x];
      out.data[chunk * out.stride + column] = total;
    }
    __syncthreads();
  }
}

void sum_chunks(CudaStream& stream, Matrix<const float> x, Matrix<float> out) {
  const unsigned blocks = cuda::blocks_for(stream, out.rows * out.columns * kThreads, kThreads);
  cuda::launch(stream, sum_chunks_kernel, blocks, kThreads, x, out);
}

void sum_row_chunks(CudaStream& stream, Matrix<const float> x, Matrix<float> out) {
  const dim3 blocks(static_cast<unsigned>(cuda::ceil_div(x.columns, cuda::kWarp)),
                    static_cast<unsigned>(std::min<int64_t>(out.rows, 65535)));
  cuda::launch(stream, sum_row_chunks_kernel, blocks, dim3(cuda::kWarp, kThreads / cuda::kWarp), x, out);
}

/// Marks the values that occur, one bit each, and counts the first marks.
__global__ void mark_kernel(Vector<const int32_t> index, unsigned* marks, unsigned* count) {
  for (int64_t i = cuda::grid_thread(); i < index.size; i += cuda::grid_threads()) {
    const auto value = static_cast<uint32_t>(index.data[i]);
    const unsigned bit = 1u << (value % 32);
    if (!(atomicOr(marks + value / 32, bit) & bit)) atomicAdd(count, 1u);
  }
}

__global__ void to_float_kernel(const unsigned* count, float* out) { *out = static_cast<float>(*count); }

}  // namespace

void sum(CudaStream& stream, Vector<const float> x, Vector<float> out) {
  check_equal("sum: size of out", out.size, 1);
  sum_over_columns(stream, {x.data, 1, x.size}, out);
}

void sum_over_columns(CudaStream& stream, Matrix<const float> x, Vector<float> out) {
  check_equal("sum_over_columns: size of out", out.size, x.rows);
  if (x.rows == 0) return;
  if (x.columns <= kShortRow) {
    const unsigned blocks = cuda::blocks_for(stream, x.rows * cuda::kWarp, kThreads);
    cuda::launch(stream, sum_short_rows_kernel, blocks, kThreads, x, out.data);
    return;
  }
  float* partial = floats(stream, x.rows * partial_sums(x.columns, kColumnsPerChunk));
  while (x.columns > kColumnsPerChunk) {
    const Matrix<float> level{partial, x.rows, cuda::ceil_div(x.columns, kColumnsPerChunk)};
    sum_chunks(stream, x, level);
    partial += level.rows * level.columns;
    x = level;
  }
  sum_chunks(stream, x, {out.data, x.rows, 1});
}

void sum_over_rows(CudaStream& stream, Matrix<const float> x, Vector<float> out) {
  check_equal("sum_over_rows: size of out", out.size, x.columns);
  if (x.columns == 0) return;
  if (x.columns == 1 && x.stride == 1) return sum(stream, {x.data, x.rows}, out);
  float* partial = floats(stream, x.columns * partial_sums(x.rows, kRowsPerChunk));
  while (x.rows > kRowsPerChunk) {
    const Matrix<float> level{partial, cuda::ceil_div(x.rows, kRowsPerChunk), x.columns};
    sum_row_chunks(stream, x, level);
    partial += level.rows * level.columns;
    x = level;
  }
  sum_row_chunks(stream, x, {out.data, 1, x.columns});
}

void count_distinct(CudaStream& stream, int64_t range, Vector<const int32_t> index, Vector<float> out) {
  check_equal("count_distinct: size of out", out.size, 1);
  const size_t bytes = static_cast<size_t>(cuda::ceil_div(range, 32) + 1) * sizeof(unsigned);
  auto* count = static_cast<unsigned*>(stream.workspace(bytes));
  cuda::check(cudaMemsetAsync(count, 0, bytes, stream.handles().stream), "cudaMemsetAsync");
  if (index.size)
    cuda::launch(stream, mark_kernel, cuda::blocks_for(stream, index.size, kThreads), kThreads, index, count + 1,
                 count);
  cuda::launch(stream, to_float_kernel, 1, 1, count, out.data);
}

}  // namespace wasserkern
