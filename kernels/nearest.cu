#include "kernels/nearest.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/nearest_list.h"

namespace wasserkern {
namespace {

// A block keeps a panel of y and sweeps over its part of x. It sums a tile in registers and lays the costs into shared
// memory, where one thread a column reads them in order and keeps the column's list in main memory: few costs get in.
// A second kernel merges the lists of all parts.

using cuda::kSide, cuda::kTileThreads;

/// Lists of `k` entries for every column, part by part; entries of neighbouring columns lie side by side.
struct Lists {
  float* values;  // [parts, k, n]
  int32_t* rows;  // [parts, k, n]
  int64_t columns;
  int64_t k;

  __device__ __forceinline__ NearestList of(int64_t part, int64_t column) const {
    const int64_t first = part * k * columns + column;
    return {values + first, rows + first, columns, k};
  }
};

/// Lists of columns over rows [part * rows_per_part, ...) of x; blocks: x counts panels, y parts.
template <int kMicro, class Form>
__global__ void __launch_bounds__(kTileThreads)
    sweep_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, int64_t rows_per_part, Lists lists) {
  constexpr int kTile = kSide * kMicro;
  const cuda::MicroTile<kMicro> own;
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * kTile, column = first_column + thread;
  const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);
  const bool keeps_a_list = thread < kTile && column < y.rows;
  const NearestList list = lists.of(blockIdx.y, column);
  if (keeps_a_list) list.clear();
  float last = HUGE_VALF;

  __shared__ float costs[kTile][kTile + 1];
  for (int64_t first_row = begin; first_row < end; first_row += kTile) {
    float sums[kMicro][kMicro];
    cuda::fill_tile<kMicro>(cost, x, first_row, y, first_column, sums);
    __syncthreads();  // the costs before have been read
#pragma unroll
    for (int i = 0; i < kMicro; ++i)
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const int64_t row = min(first_row + own.down + i, x.rows - 1);
        costs[own.down + i][own.across + j] =
            cuda::cost_of(cost, x, y, row, min(first_column + own.across + j, y.rows - 1), sums[i][j]);
      }
    __syncthreads();
    if (!keeps_a_list) continue;
    const int rows = static_cast<int>(min(static_cast<int64_t>(kTile), end - first_row));
    for (int row = 0; row < rows; ++row) {
      const float value = costs[row][thread];
      if (!NearestList::precedes(value, last)) continue;
      list.insert(value, static_cast<int32_t>(first_row + row));
      last = list.last();
    }
  }
}

/// The first part's lists take in those of the others and are the answer; one thread per column.
__global__ void merge_kernel(int64_t parts, Lists lists, Matrix<float> values, Matrix<int32_t> indices) {
  for (int64_t column = cuda::grid_thread(); column < values.rows; column += cuda::grid_threads()) {
    const NearestList all = lists.of(0, column);
    for (int64_t part = 1; part < parts; ++part) all.merge(lists.of(part, column));
    all.complete();
    for (int64_t at = 0; at < lists.k; ++at) {
      values.data[column * values.stride + at] = all.values[at * all.step];
      indices.data[column * indices.stride + at] = all.rows[at * all.step];
    }
  }
}

template <int kMicro, class Form>
void sweep(CudaStream& stream, const Form& cost, Matrix<const float> x, Matrix<const float> y, Matrix<float> values,
           Matrix<int32_t> indices) {
  constexpr int kTile = kSide * kMicro;
  constexpr int64_t kBlocksPerMultiprocessor = 4;
  const int64_t panels = cuda::ceil_div(y.rows, kTile), tiles = cuda::ceil_div(x.rows, kTile);
  const int64_t wanted = stream.handles().multiprocessors * kBlocksPerMultiprocessor / panels;
  const int64_t tiles_per_part = cuda::ceil_div(tiles, std::clamp<int64_t>(wanted, 1, tiles));
  const int64_t parts = cuda::ceil_div(tiles, tiles_per_part);

  const int64_t k = values.columns, entries = parts * k * y.rows;
  auto* memory =
      static_cast<float*>(stream.workspace(static_cast<size_t>(entries) * (sizeof(float) + sizeof(int32_t))));
  const Lists lists{memory, reinterpret_cast<int32_t*>(memory + entries), y.rows, k};
  const dim3 blocks(static_cast<unsigned>(panels), static_cast<unsigned>(parts));
  cuda::launch(stream, sweep_kernel<kMicro, Form>, blocks, kTileThreads, cost, x, y, tiles_per_part * kTile, lists);
  cuda::launch(stream, merge_kernel, cuda::blocks_for(stream, y.rows, kTileThreads), kTileThreads, parts, lists, values,
               indices);
}

}  // namespace

void nearest(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y, Matrix<float> values,
             Matrix<int32_t> indices) {
  check_nearest(x, y, values, indices);

  // Large tiles read less, small ones spread a small problem over the GPU.
  constexpr int kLarge = 4, kSmall = 1;
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (y.rows == 0) return;
    const int64_t large_tiles = cuda::ceil_div(x.rows, kLarge * kSide) * cuda::ceil_div(y.rows, kLarge * kSide);
    if (large_tiles >= stream.handles().multiprocessors)
      sweep<kLarge>(stream, form, x, y, values, indices);
    else
      sweep<kSmall>(stream, form, x, y, values, indices);
  });
}

}  // namespace wasserkern
