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

constexpr int kPerThread = 4;
constexpr int kSlab = kThreads * kPerThread;  // indices that a block looks at together
constexpr int64_t kMostRows = kThreads;       // of out per block

/// The rows of x, counted from the beginning of a slab, that belong to the rows of out of a block, counted from its
/// first: those of row i lie at [begins[i], begins[i + 1]) of `places`, ascending.
struct Matches {
  using Scan = cub::BlockScan<int, kThreads>;
  typename Scan::TempStorage scan;
  struct Match {
    int16_t place, row;
  } found[kSlab];
  int16_t places[kSlab];
  int16_t begins[kThreads + 1];

  /// For index [size] and the rows [first, first + rows); called by the whole block, which may read at once.
  __device__ __forceinline__ void find(const int32_t* index, int64_t size, int64_t first, int rows) {
    const int thread = static_cast<int>(threadIdx.x);
    int rows_of[kPerThread], own = 0;
    for (int i = 0; i < kPerThread; ++i) {
      const int at = thread * kPerThread + i;
      const int64_t row = at < size ? index[at] - first : -1;
      rows_of[i] = row >= 0 && row < rows ? static_cast<int>(row) : -1;
      own += rows_of[i] >= 0;
    }
    int next = 0, count = 0;
    Scan(scan).ExclusiveSum(own, next, count);
    for (int i = 0; i < kPerThread; ++i)
      if (rows_of[i] >= 0)
        found[next++] = {static_cast<int16_t>(thread * kPerThread + i), static_cast<int16_t>(rows_of[i])};
    __syncthreads();

    // Thread i sorts out what belongs to row i.
    int mine = 0, begin = 0;
#pragma unroll 1
    for (int at = 0; at < count; ++at) mine += found[at].row == thread;
    Scan(scan).ExclusiveSum(mine, begin);
    begins[thread] = static_cast<int16_t>(begin);
    if (thread == kThreads - 1) begins[kThreads] = static_cast<int16_t>(count);
#pragma unroll 1
    for (int at = 0; at < count; ++at)
      if (found[at].row == thread) places[begin++] = found[at].place;
    __syncthreads();
  }
};

/// A block finds the rows of x that belong to its rows of out, slab by slab and in their order, and every thread adds
/// them up in the elements that are its own, `along` threads to a row. Its limit is memory: 4 bytes per element of x
/// and of out, and the index once per block.
template <int N>
__global__ void __launch_bounds__(kThreads)
    scatter_kernel(Matrix<const float> x, const int32_t* index, int along, int rows_per_block, Matrix<float> out) {
  __shared__ Matches matches;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * rows_per_block;
  const int rows = static_cast<int>(min(out.rows - first, static_cast<int64_t>(rows_per_block)));
  const int thread = static_cast<int>(threadIdx.x);

  for (int64_t slab = 0; slab == 0 || slab < x.rows; slab += kSlab) {
    matches.find(index + slab, x.rows - slab, first, rows);
#pragma unroll 1
    for (int row = thread / along; row < rows; row += kThreads / along) {
      const int begin = matches.begins[row], end = matches.begins[row + 1];
      if (begin == end && slab > 0) continue;
      cuda::for_each_pack<N>(out.columns, thread % along, along, [&]<int W>(cuda::Width<W>, int64_t column) {
        using Pack = cuda::Pack<W>;
        float* to = out.data + (first + row) * out.stride + column;
        Pack total = slab > 0 ? Pack::load(to) : Pack{};
        for (int at = begin; at < end; ++at)
          total += Pack::load(x.data + (slab + matches.places[at]) * x.stride + column);
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
