#include "kernels/rows.h"

#include <algorithm>
#include <cub/block/block_scan.cuh>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"

namespace wasserkern {
namespace {

constexpr int kThreads = 256;

/// Its limit is memory: 8 bytes per element of out.
template <int N>
__global__ void gather_kernel(Matrix<const float> x, const int32_t* index, Matrix<float> out) {
  const int64_t row_step = static_cast<int64_t>(gridDim.x) * blockDim.y;
  for (int64_t j = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y; j < out.rows; j += row_step) {
    const float* from = x.data + index[j] * x.stride;
    float* to = out.data + j * out.stride;
    cuda::for_each_pack<N>(out.columns, threadIdx.x, blockDim.x, [&]<int W>(cuda::Width<W>, int64_t column) {
      cuda::Pack<W>::load(from + column).store(to + column);
    });
  }
}

/// A row of x, counted from its slab, that belongs to a row of out, counted from its block's first.
struct Match {
  int16_t place;
  int16_t row;
};

constexpr int kPerThread = 4;
constexpr int kSlab = kThreads * kPerThread;  // indices that a block looks at together
constexpr int64_t kMostRows = kThreads;       // of out per block

/// A block finds the rows of x that belong to its rows of out, slab by slab and in their order, and every thread adds
/// them up in the elements that are its own, `along` threads to a row. Its limit is memory: 4 bytes per element of x
/// and of out, and the index once per block.
template <int N>
__global__ void __launch_bounds__(kThreads)
    scatter_kernel(Matrix<const float> x, const int32_t* index, int along, int rows_per_block, Matrix<float> out) {
  using Scan = cub::BlockScan<int, kThreads>;
  __shared__ typename Scan::TempStorage storage;
  __shared__ Match matches[kSlab];
  const int64_t first = static_cast<int64_t>(blockIdx.x) * rows_per_block;
  const int rows = static_cast<int>(min(out.rows - first, static_cast<int64_t>(rows_per_block)));
  const int thread = static_cast<int>(threadIdx.x);

  for (int64_t slab = 0; slab == 0 || slab < x.rows; slab += kSlab) {
    int rows_of[kPerThread], found = 0;
    for (int i = 0; i < kPerThread; ++i) {
      const int64_t at = slab + thread * kPerThread + i;
      const int64_t row = at < x.rows ? index[at] - first : -1;
      rows_of[i] = row >= 0 && row < rows ? static_cast<int>(row) : -1;
      found += rows_of[i] >= 0;
    }
    int next = 0, count = 0;
    Scan(storage).ExclusiveSum(found, next, count);
    for (int i = 0; i < kPerThread; ++i)
      if (rows_of[i] >= 0)
        matches[next++] = {static_cast<int16_t>(thread * kPerThread + i), static_cast<int16_t>(rows_of[i])};
    __syncthreads();

    for (int row = thread / along; row < rows; row += kThreads / along) {
      cuda::for_each_pack<N>(out.columns, thread % along, along, [&]<int W>(cuda::Width<W>, int64_t column) {
        float* to = out.data + (first + row) * out.stride + column;
        int at = 0;
        while (at < count && matches[at].row != row) ++at;
        if (at == count && slab > 0) return;
        cuda::Pack<W> total = slab > 0 ? cuda::Pack<W>::load(to) : cuda::Pack<W>{};
        for (; at < count; ++at)
          if (matches[at].row == row)
            total += cuda::Pack<W>::load(x.data + (slab + matches[at].place) * x.stride + column);
        total.store(to);
      });
    }
    __syncthreads();
  }
}

}  // namespace

void gather_rows(CudaStream& stream, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out) {
  check_gather_rows(x, index, out);
  if (out.rows == 0 || out.columns == 0) return;
  const bool wide = cuda::packable(x, out);
  const dim3 threads = cuda::row_block(cuda::ceil_div(out.columns, wide ? 4 : 1), kThreads);
  cuda::launch(stream, wide ? gather_kernel<4> : gather_kernel<1>,
               cuda::blocks_for(stream, out.rows * threads.x, kThreads), threads, x, index.data, out);
}

void scatter_rows(CudaStream& stream, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out) {
  check_scatter_rows(x, index, out);
  if (out.rows == 0 || out.columns == 0) return;
  const bool wide = cuda::packable(x, out);
  const dim3 block = cuda::row_block(cuda::ceil_div(out.columns, wide ? 4 : 1), kThreads);
  // Rows share a block, and its reading of the index, as far as a few blocks are left for every multiprocessor.
  const int64_t least = block.y, most = std::min(16 * least, kMostRows);
  const int64_t shared = cuda::ceil_div(out.rows, int64_t{8} * stream.handles().multiprocessors);
  const auto rows_per_block = static_cast<int>(std::clamp(shared, least, most));
  const auto blocks = static_cast<unsigned>(cuda::ceil_div(out.rows, rows_per_block));
  cuda::launch(stream, wide ? scatter_kernel<4> : scatter_kernel<1>, blocks, kThreads, x, index.data,
               static_cast<int>(block.x), rows_per_block, out);
}

}  // namespace wasserkern
