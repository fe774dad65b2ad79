#pragma once

#include <algorithm>

#include "kernels/cuda/lane_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/warp.cuh"
#include "kernels/view.h"

// Something of every column of a matrix, such as its moments, or of every column of each of several groups of rows,
// such as the pixels of images: taken from chunks of rows and joined in their order, which the shape alone decides. A
// state joins another by `join`; one of zeros is that of no rows.

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
  static size_t bytes(Matrix<const float> x, int64_t groups = 1) {
    return static_cast<size_t>(rows(x, groups) * x.columns) * sizeof(State);
  }
  /// Of all groups' chunks.
  static int64_t rows(Matrix<const float> x, int64_t groups) {
    return groups > 0 ? groups * ceil_div(x.rows / groups, kRowsPerChunk) : 0;
  }
};

/// out[chunk, j] = what `take` makes of column j in the rows of a chunk of a group of `rows`; a chunk per grid row.
template <class Take>
__global__ void __launch_bounds__(ColumnChunks::kThreads)
    column_chunks_kernel(Take take, int64_t rows, Matrix<typename Take::State> out) {
  using State = typename Take::State;
  __shared__ State of_warps[ColumnChunks::kWarps][kWarp];
  const int thread = static_cast<int>(threadIdx.y) * ColumnChunks::kAcross + static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp, lane = thread % kWarp;
  const int64_t left = static_cast<int64_t>(blockIdx.x) * 4 * ColumnChunks::kAcross;
  const int64_t chunks_per_group = (rows + ColumnChunks::kRowsPerChunk - 1) / ColumnChunks::kRowsPerChunk;
  for (int64_t chunk = blockIdx.y; chunk < out.rows; chunk += gridDim.y) {
    const int64_t group = chunk / chunks_per_group, begin = chunk % chunks_per_group * ColumnChunks::kRowsPerChunk;
    State states[4];
    take(group, group * rows + begin + threadIdx.y, group * rows + min(rows, begin + ColumnChunks::kRowsPerChunk),
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

/// finish(group columns + j, state) for every column j of each group, its chunks joined: 32 columns across a block,
/// every eighth chunk per thread, a group per grid row.
template <class State, class Finish>
__global__ void __launch_bounds__(ColumnChunks::kThreads)
    join_column_chunks_kernel(Matrix<const State> chunks, int64_t groups, Finish finish) {
  __shared__ State of_rows[ColumnChunks::kWarps][kWarp];
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kWarp + threadIdx.x, per_group = chunks.rows / groups;
  for (int64_t group = blockIdx.y; group < groups; group += gridDim.y) {
    State own = {};
    if (column < chunks.columns)
      for (int64_t chunk = threadIdx.y; chunk < per_group; chunk += ColumnChunks::kWarps)
        own.join(chunks.data[(group * per_group + chunk) * chunks.stride + column]);
    of_rows[threadIdx.y][threadIdx.x] = own;
    __syncthreads();
    if (threadIdx.y == 0 && column < chunks.columns) {
      for (int i = 1; i < ColumnChunks::kWarps; ++i) own.join(of_rows[i][threadIdx.x]);
      finish(group * chunks.columns + column, own);
    }
    __syncthreads();
  }
}

/// What is joined to one state of a column: the chunks of each group, or all of them.
enum class Join { Groups, All };

/// finish(place, state) of what `take` makes of every column of each of `groups` parts of x's rows, at its place in
/// [groups, columns]; or of what all parts make together. `scratch` has room for the chunks' states.
template <class Take, class Finish>
void fold_columns(CudaStream& stream, const Take& take, Matrix<const float> x, void* scratch, const Finish& finish,
                  int64_t groups = 1, Join join = Join::Groups) {
  using State = typename Take::State;
  const Matrix<State> chunks{static_cast<State*>(scratch), ColumnChunks::rows(x, groups), x.columns};
  const int64_t joined = join == Join::Groups ? groups : 1;
  const auto across = static_cast<unsigned>(ceil_div(x.columns, kWarp));
  const auto down = [](int64_t rows) { return static_cast<unsigned>(std::min<int64_t>(rows, 65535)); };
  if (chunks.rows > 0)
    launch(stream, column_chunks_kernel<Take>, dim3(across, down(chunks.rows)),
           dim3(ColumnChunks::kAcross, ColumnChunks::kDown), take, x.rows / groups, chunks);
  if (joined > 0)
    launch(stream, join_column_chunks_kernel<State, Finish>, dim3(across, down(joined)),
           dim3(kWarp, ColumnChunks::kWarps), chunks, joined, finish);
}

}  // namespace wasserkern::cuda
