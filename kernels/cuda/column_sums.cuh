#pragma once

#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_tile.cuh"

// Sums over the rows of x of something of every pair, for every row of y: one pass over the tiles, nothing stored. A
// block keeps a panel of y and sweeps over a part of x, tile by tile; a second kernel joins the parts in their order.
// The parts depend on the shapes only, and so does every bit.

namespace wasserkern::cuda {

// A Sum has a State and the members
//   State none()                                          the sum of nothing
//   void add(State&, row, column, cost)                   takes one pair in
//   void join(State&, State)                              takes a sum of later rows in
//   float finish(State, column)

/// The sums of columns over rows [part * rows_per_part, ...) of x, part by part: [parts, n]. Blocks: x counts panels,
/// y parts.
template <class Form, class Sum>
__global__ void __launch_bounds__(kTileThreads)
    column_sum_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, Sum sum, int64_t rows_per_part,
                      typename Sum::State* parts) {
  constexpr int kMicro = Sum::kMicro, kTile = kSide * kMicro;
  const MicroTile<kMicro> own;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);
  typename Sum::State states[kMicro];
  for (int j = 0; j < kMicro; ++j) states[j] = sum.none();
  for (int64_t first_row = begin; first_row < end; first_row += kTile) {
    float sums[kMicro][kMicro];
    fill_tile<kMicro>(cost, x, first_row, y, first_column, sums);
#pragma unroll
    for (int i = 0; i < kMicro; ++i) {
      const int64_t row = first_row + own.down + i;
      if (row >= end) break;
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const int64_t column = min(first_column + own.across + j, y.rows - 1);
        sum.add(states[j], row, column, cost_of(cost, x, y, row, column, sums[i][j]));
      }
    }
  }

  __shared__ typename Sum::State of_threads[kSide][kTile];
  for (int j = 0; j < kMicro; ++j) of_threads[own.down / kMicro][own.across + j] = states[j];
  __syncthreads();
  const int64_t column = first_column + threadIdx.x;
  if (threadIdx.x >= kTile || column >= y.rows) return;
  typename Sum::State total = of_threads[0][threadIdx.x];
  for (int i = 1; i < kSide; ++i) sum.join(total, of_threads[i][threadIdx.x]);
  parts[blockIdx.y * y.rows + column] = total;
}

/// The sums over all parts; one thread per column.
template <class Sum>
__global__ void join_columns_kernel(Sum sum, int64_t count, const typename Sum::State* parts, Vector<float> out) {
  for (int64_t column = grid_thread(); column < out.size; column += grid_threads()) {
    typename Sum::State total = sum.none();
    for (int64_t part = 0; part < count; ++part) sum.join(total, parts[part * out.size + column]);
    out.data[column] = sum.finish(total, column);
  }
}

/// out_j = the sum over all rows i of x of what `sum` makes of c(x_i, y_j).
template <class Form, class Sum>
void sum_columns(CudaStream& stream, const Form& cost, Matrix<const float> x, Matrix<const float> y, const Sum& sum,
                 Vector<float> out) {
  if (out.size == 0) return;
  constexpr int kTile = kSide * Sum::kMicro;
  constexpr int64_t kBlocks = 1024;  // fill any GPU
  const int64_t panels = ceil_div(y.rows, kTile), tiles = std::max<int64_t>(ceil_div(x.rows, kTile), 1);
  const int64_t tiles_per_part = ceil_div(tiles, std::clamp<int64_t>(kBlocks / panels, 1, tiles));
  const int64_t count = ceil_div(tiles, tiles_per_part);
  auto* parts = static_cast<typename Sum::State*>(
      stream.workspace(static_cast<size_t>(count * y.rows) * sizeof(typename Sum::State)));
  launch(stream, column_sum_kernel<Form, Sum>, dim3(static_cast<unsigned>(panels), static_cast<unsigned>(count)),
         kTileThreads, cost, x, y, sum, tiles_per_part * kTile, parts);
  launch(stream, join_columns_kernel<Sum>, blocks_for(stream, out.size, kTileThreads), kTileThreads, sum, count, parts,
         out);
}

/// Calls `start` with the side of the register tiles for these shapes: large ones read less, small ones spread a small
/// problem over a GPU.
template <class Start>
void with_sum_micro(int64_t rows, int64_t columns, Start start) {
  constexpr int kLarge = 4, kSmall = 1;
  constexpr int64_t kLargeTiles = 128;  // about the multiprocessors of a large GPU
  if (ceil_div(rows, kLarge * kSide) * ceil_div(columns, kLarge * kSide) >= kLargeTiles)
    start.template operator()<kLarge>();
  else
    start.template operator()<kSmall>();
}

}  // namespace wasserkern::cuda
