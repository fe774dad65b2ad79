#include "kernels/nearest.h"

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/tile_size.cuh"
#include "kernels/nearest_list.h"

namespace wasserkern {
namespace {

// A block keeps a panel of y and sweeps over its part of x. It sums a tile in registers and lays the costs into shared
// memory, half a tile at a time, where one thread a column reads them in order and keeps the column's list in main
// memory: few costs get in.
// A second kernel merges the lists of all parts.

using cuda::kTileThreads;

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
__global__ void __launch_bounds__(kTileThreads, cuda::resident_blocks<kMicro>())
    sweep_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, int64_t rows_per_part, Lists lists) {
  using Tile = cuda::MicroTile<kMicro>;
  constexpr int kHalf = kMicro / 2, kHalfRows = Tile::kRows / 2;
  const Tile own;
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * Tile::kColumns, column = first_column + thread;
  const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);
  const bool keeps_a_list = thread < Tile::kColumns && column < y.rows;
  const NearestList list = lists.of(blockIdx.y, column);
  if (keeps_a_list) list.clear();
  float last = HUGE_VALF;

  __shared__ float of_half[kHalfRows][Tile::kColumns + 1];
  for (int64_t first_row = begin; first_row < end; first_row += Tile::kRows) {
    float costs[kMicro][kMicro];
    cuda::cost_tile<kMicro>(cost, x, first_row, y, first_column, costs);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      __syncthreads();  // the costs before have been read
#pragma unroll
      for (int i = 0; i < kHalf; ++i)
#pragma unroll
        for (int j = 0; j < kMicro; ++j) of_half[own.row(i)][own.column(j)] = costs[half * kHalf + i][j];
      __syncthreads();
      if (!keeps_a_list) continue;
      const int64_t first = first_row + half * kHalfRows;
      const int rows = static_cast<int>(min(static_cast<int64_t>(kHalfRows), end - first));
      for (int row = 0; row < rows; ++row) {
        const float value = of_half[row][thread];
        if (!NearestList::precedes(value, last)) continue;
        list.insert(value, static_cast<int32_t>(first + row));
        last = list.last();
      }
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
  using Tile = cuda::MicroTile<kMicro>;
  const cuda::Sweep over(x.rows, y.rows, 1, Tile::kRows, Tile::kColumns);
  const int64_t k = values.columns, entries = over.parts * k * y.rows;
  auto* memory =
      static_cast<float*>(stream.workspace(static_cast<size_t>(entries) * (sizeof(float) + sizeof(int32_t))));
  const Lists lists{memory, reinterpret_cast<int32_t*>(memory + entries), y.rows, k};
  cuda::launch(stream, sweep_kernel<kMicro, Form>, over.blocks(), kTileThreads, cost, x, y, over.rows_per_part, lists);
  cuda::launch(stream, merge_kernel, cuda::blocks_for(stream, y.rows, kTileThreads), kTileThreads, over.parts, lists,
               values, indices);
}

}  // namespace

void nearest(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y, Matrix<float> values,
             Matrix<int32_t> indices) {
  check_nearest(x, y, values, indices);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (y.rows == 0) return;
    cuda::with_micro<Form>(x.rows, y.rows, 1,
                           [&]<int kMicro>() { sweep<kMicro>(stream, form, x, y, values, indices); });
  });
}

}  // namespace wasserkern
