#pragma once

#include <algorithm>

#include "kernels/cuda/lane_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/warp.cuh"
#include "kernels/view.h"

// Something of every column of a matrix, such as its moments: taken from chunks of rows and joined in their order,
// which the shape alone decides. A state joins another by `join`; one of zeros is that of no rows.

namespace wasserkern::cuda {

/// How blocks divide a matrix: a chunk of rows each, and four columns per thread across.
struct ColumnChunks {
  static constexpr int kThreads = 256;
  static constexpr int kAcross = 8;
  static constexpr int kDown = kThreads / kAcross;
  static constexpr int kWarps = kThreads / kWarp;
  static constexpr int kRowsPerThread = 4;
  static constexpr int64_t kRowsPerChunk = kRowsPerThread * kDown;
  static_assert(4 * kAcross == kWarp);

  /// What the states of all chunks need.
  template <class State>
  static size_t bytes(Matrix<const float> x) {
    return static_cast<size_t>(ceil_div(x.rows, kRowsPerChunk) * x.columns) * sizeof(State);
  }
};

/// out[chunk, j] = what `take` makes of column j in the rows of a chunk; a chunk per grid row.
template <class Take>
__global__ void __launch_bounds__(ColumnChunks::kThreads)
    column_chunks_kernel(Take take, int64_t rows, Matrix<typename Take::State> out) {
  using State = typename Take::State;
  __shared__ State of_warps[ColumnChunks::kWarps][kWarp];
  const int thread = static_cast<int>(threadIdx.y) * ColumnChunks::kAcross + static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;
  const int64_t left = static_cast<int64_t>(blockIdx.x) * 4 * ColumnChunks::kAcross;
  for (int64_t chunk = blockIdx.y; chunk < out.rows; chunk += gridDim.y) {
    State states[4];
    take(chunk * ColumnChunks::kRowsPerChunk + threadIdx.y, min(rows, (chunk + 1) * ColumnChunks::kRowsPerChunk),
         left + 4 * threadIdx.x, states);
    for (int apart = ColumnChunks::kAcross; apart < kWarp; apart *= 2)
      for (State& state : states) state.join(of_lane(state, apart));
    if (lane < ColumnChunks::kAcross)
      for (int c = 0; c < 4; ++c) of_warps[warp][4 * lane + c] = states[c];
    __syncthreads();
    if (warp == 0 && left + lane < out.columns) {
      State all = of_warps[0][lane];
      for (int i = 1; i < ColumnChunks::kWarps; ++i) all.join(of_warps[i][lane]);
      out.data[chunk * out.stride + left + lane] = all;
    }
    __syncthreads();
  }
}

/// finish(j, state) for every column j, its chunks joined: 32 columns across a block, every eighth chunk per thread.
template <class State, class Finish>
__global__ void __launch_bounds__(ColumnChunks::kThreads)
    join_column_chunks_kernel(Matrix<const State> chunks, Finish finish) {
  __shared__ State of_rows[ColumnChunks::kWarps][kWarp];
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kWarp + threadIdx.x;
  State own = {};
  if (column < chunks.columns)
    for (int64_t chunk = threadIdx.y; chunk < chunks.rows; chunk += ColumnChunks::kWarps)
      own.join(chunks.data[chunk * chunks.stride + column]);
  of_rows[threadIdx.y][threadIdx.x] = own;
  __syncthreads();
  if (threadIdx.y != 0 || column >= chunks.columns) return;
  for (int i = 1; i < ColumnChunks::kWarps; ++i) own.join(of_rows[i][threadIdx.x]);
  finish(column, own);
}

/// finish(j, state) of what `take` makes of every column of x. `scratch` has room for the chunks' states.
template <class Take, class Finish>
void fold_columns(CudaStream& stream, const Take& take, Matrix<const float> x, void* scratch, const Finish& finish) {
  using State = typename Take::State;
  const Matrix<State> chunks{static_cast<State*>(scratch), ceil_div(x.rows, ColumnChunks::kRowsPerChunk), x.columns};
  const auto across = static_cast<unsigned>(ceil_div(x.columns, kWarp));
  const auto down = static_cast<unsigned>(std::min<int64_t>(chunks.rows, 65535));
  launch(stream, column_chunks_kernel<Take>, dim3(across, down), dim3(ColumnChunks::kAcross, ColumnChunks::kDown), take,
         x.rows, chunks);
  launch(stream, join_column_chunks_kernel<State, Finish>, across, dim3(kWarp, ColumnChunks::kWarps), chunks, finish);
}

}  // namespace wasserkern::cuda
