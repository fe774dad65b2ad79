#include "kernels/reduce.h"

#include <cub/block/block_reduce.cuh>

#include "kernels/check.h"
#include "kernels/cuda/chunk_sums.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/warp.cuh"

namespace wasserkern {
namespace {

// Sums are trees of fixed chunks: a level sums every chunk to one number, until one chunk is left. Every thread sums
// packs of four, and which ones does not depend on their alignment. The limit is memory: 4 bytes per element of x.

using cuda::kColumnsPerChunk;
using Pack = cuda::Pack<4>;

constexpr int kThreads = 256;
constexpr int64_t kRowsPerChunk = 256;
constexpr int64_t kShortRow = 1024;  // a warp is enough
constexpr int kAcross = 8;           // threads of a block along columns, when rows are summed

/// Numbers in all levels below the last when `length` numbers are summed in chunks.
int64_t partial_sums(int64_t length, int64_t chunk) {
  int64_t total = 0;
  while (length > chunk) total += length = cuda::ceil_div(length, chunk);
  return total;
}

float* floats(CudaStream& stream, int64_t count) {
  return static_cast<float*>(stream.workspace(static_cast<size_t>(count) * sizeof(float)));
}

/// The sum of every threads-th pack of x from pack `thread`.
__device__ __forceinline__ float sum_packs(const float* x, int64_t size, int thread, int threads, bool aligned) {
  Pack total = {};
  for (int64_t j = 4 * thread; j < size; j += 4 * threads) total += Pack::load_up_to(x + j, size - j, aligned);
  return (total[0] + total[1]) + (total[2] + total[3]);
}

/// out[i, c] = sum of chunk c of row i; one block per sum.
__global__ void __launch_bounds__(kThreads) sum_chunks_kernel(Matrix<const float> x, bool aligned, Matrix<float> out) {
  __shared__ cub::BlockReduce<float, kThreads>::TempStorage storage;
  for (int64_t item = blockIdx.x; item < out.rows * out.columns; item += gridDim.x) {
    const int64_t row = item / out.columns, begin = item % out.columns * kColumnsPerChunk;
    const float own = sum_packs(x.data + row * x.stride + begin, min(x.columns - begin, kColumnsPerChunk),
                                static_cast<int>(threadIdx.x), kThreads, aligned);
    const float total = cub::BlockReduce<float, kThreads>(storage).Sum(own);
    if (threadIdx.x == 0) out.data[row * out.stride + item % out.columns] = total;
    __syncthreads();
  }
}

/// out[i] = sum of row i; `lanes` lanes of a warp per sum, so that narrow rows share it.
__global__ void sum_short_rows_kernel(Matrix<const float> x, int lanes, bool aligned, float* out) {
  const int place = static_cast<int>(threadIdx.x) % cuda::kWarp;
  const int64_t first = (cuda::grid_thread() - place) / lanes;  // the same for the whole warp, which shuffles together
  for (int64_t top = first; top < x.rows; top += cuda::grid_threads() / lanes) {
    const int64_t row = top + place / lanes;
    const bool exists = row < x.rows;
    float total = sum_packs(x.data + row * x.stride, exists ? x.columns : 0, place % lanes, lanes, aligned);
    for (int apart = lanes / 2; apart > 0; apart /= 2) total += __shfl_xor_sync(0xFFFFFFFF, total, apart);
    if (exists && place % lanes == 0) out[row] = total;
  }
}

/// out[c, j] = sum of column j over the rows of chunk c; four columns per thread across the block, a chunk per grid
/// row.
__global__ void __launch_bounds__(kThreads)
    sum_row_chunks_kernel(Matrix<const float> x, bool aligned, Matrix<float> out) {
  constexpr int kDown = kThreads / kAcross, kWarps = kThreads / cuda::kWarp;
  static_assert(4 * kAcross == cuda::kWarp);
  __shared__ float sums[kWarps][4 * kAcross];
  const int thread = static_cast<int>(threadIdx.y) * kAcross + static_cast<int>(threadIdx.x);
  const int warp = thread / cuda::kWarp, lane = thread % cuda::kWarp;
  const int64_t left = static_cast<int64_t>(blockIdx.x) * 4 * kAcross, column = left + 4 * threadIdx.x;
  for (int64_t chunk = blockIdx.y; chunk < out.rows; chunk += gridDim.y) {
    const int64_t end = min(x.rows, (chunk + 1) * kRowsPerChunk);
    Pack total = {};
    for (int64_t i = chunk * kRowsPerChunk + threadIdx.y; i < end; i += kDown)
      total += Pack::load_up_to(x.data + i * x.stride + column, x.columns - column, aligned);
    for (int apart = kAcross; apart < cuda::kWarp; apart *= 2)
      for (int i = 0; i < 4; ++i) total[i] += __shfl_xor_sync(0xFFFFFFFF, total[i], apart);
    if (lane < kAcross)
      for (int i = 0; i < 4; ++i) sums[warp][4 * lane + i] = total[i];
    __syncthreads();
    if (warp == 0 && left + lane < x.columns) {
      float sum = sums[0][lane];
      for (int i = 1; i < kWarps; ++i) sum += sums[i][lane];
      out.data[chunk * out.stride + left + lane] = sum;
    }
    __syncthreads();
  }
}

void sum_row_chunks(CudaStream& stream, Matrix<const float> x, Matrix<float> out) {
  const dim3 blocks(static_cast<unsigned>(cuda::ceil_div(x.columns, 4 * kAcross)),
                    static_cast<unsigned>(std::min<int64_t>(out.rows, 65535)));
  cuda::launch(stream, sum_row_chunks_kernel, blocks, dim3(kAcross, kThreads / kAcross), x, cuda::packable(x), out);
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

void cuda::sum_chunks(CudaStream& stream, Matrix<const float> x, Matrix<float> out) {
  const unsigned blocks = blocks_for(stream, out.rows * out.columns * kThreads, kThreads);
  launch(stream, sum_chunks_kernel, blocks, kThreads, x, packable(x), out);
}

void sum(CudaStream& stream, Vector<const float> x, Vector<float> out) {
  check_equal("sum: size of out", out.size, 1);
  sum_over_columns(stream, {x.data, 1, x.size}, out);
}

void sum_over_columns(CudaStream& stream, Matrix<const float> x, Vector<float> out) {
  check_equal("sum_over_columns: size of out", out.size, x.rows);
  if (x.rows == 0) return;
  if (x.columns <= kShortRow) {
    const int lanes = static_cast<int>(cuda::row_block(cuda::ceil_div(x.columns, 4), cuda::kWarp).x);
    const unsigned blocks = cuda::blocks_for(stream, x.rows * lanes, kThreads);
    cuda::launch(stream, sum_short_rows_kernel, blocks, kThreads, x, lanes, cuda::packable(x), out.data);
    return;
  }
  float* partial = floats(stream, x.rows * partial_sums(x.columns, kColumnsPerChunk));
  while (x.columns > kColumnsPerChunk) {
    const Matrix<float> level{partial, x.rows, cuda::ceil_div(x.columns, kColumnsPerChunk)};
    cuda::sum_chunks(stream, x, level);
    partial += level.rows * level.columns;
    x = level;
  }
  cuda::sum_chunks(stream, x, {out.data, x.rows, 1});
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
