#pragma once

#include "kernels/cuda/column_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/tile_size.cuh"

// Sums over the rows of x of something of every pair, for every row of y: one pass over the tiles, nothing stored. A
// block keeps a panel of y and sweeps over a part of x, tile by tile; a second kernel joins the parts in their order.
// The parts depend on the shapes only, and so does every bit.

namespace wasserkern::cuda {

// A Sum has a State of 4-byte words, the side kMicro of a thread's tile, the blocks kBlocks that share a
// multiprocessor, and the members
//   State none()                                      the sum of nothing
//   void add(State&, rows, column, costs)             takes pairs of a column in; costs[i] counts where rows(i) >= 0
//   void join(State&, State)                          takes another sum in
//   float finish(State, column)

/// The sums of columns over rows [part * rows_per_part, ...) of x, part by part: [parts, n]. Blocks: x counts panels,
/// y parts.
template <class Form, class Sum>
__global__ void __launch_bounds__(kTileThreads, Sum::kBlocks)
    column_sum_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, Sum sum, int64_t rows_per_part,
                      typename Sum::State* parts) {
  using State = typename Sum::State;
  constexpr int kMicro = Sum::kMicro;
  using Tile = MicroTile<kMicro>;
  const Tile own;
  const auto join = [&](State& state, const State& other) { sum.join(state, other); };
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * Tile::kColumns;
  const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);
  ColumnFold<kMicro, State> all(sum.none());
  for (int64_t first_row = begin; first_row < end; first_row += Tile::kRows) {
    float costs[kMicro][kMicro];
    cost_tile<kMicro>(cost, x, first_row, y, first_column, costs);
    const auto rows = [&](int i) { return first_row + own.row(i) < end ? first_row + own.row(i) : -1; };
    State of_tile[kMicro];
#pragma unroll
    for (int j = 0; j < kMicro; ++j) {
      of_tile[j] = sum.none();
      const int64_t column = min(first_column + own.column(j), y.rows - 1);
      float of_column[kMicro];
#pragma unroll
      for (int i = 0; i < kMicro; ++i) of_column[i] = costs[i][j];
      sum.add(of_tile[j], rows, column, of_column);
    }
    all.take(of_tile, join);
  }
  const State total = all.total(sum.none(), join);
  const int64_t column = first_column + threadIdx.x;
  if (threadIdx.x < Tile::kColumns && column < y.rows) parts[blockIdx.y * y.rows + column] = total;
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
  using Tile = MicroTile<Sum::kMicro>;
  const Sweep over(x.rows, y.rows, 1, Tile::kRows, Tile::kColumns);
  auto* parts = static_cast<typename Sum::State*>(
      stream.workspace(static_cast<size_t>(over.parts * y.rows) * sizeof(typename Sum::State)));
  launch(stream, column_sum_kernel<Form, Sum>, over.blocks(), kTileThreads, cost, x, y, sum, over.rows_per_part, parts);
  launch(stream, join_columns_kernel<Sum>, blocks_for(stream, out.size, kTileThreads), kTileThreads, sum, over.parts,
         parts, out);
}

}  // namespace wasserkern::cuda
