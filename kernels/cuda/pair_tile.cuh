#pragma once

#include <cstdint>

#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/pair_sum.cuh"
#include "kernels/view.h"

// Tiles of pairs of rows of x and y, a block each, summed in registers: what is common to kernels that take a cost
// matrix in and never store it.

namespace wasserkern::cuda {

constexpr int kSide = 16;  // threads along either side of a tile
constexpr int kTileThreads = kSide * kSide;
constexpr int kDepth = 16;  // coordinates in shared memory at a time

/// kDepth coordinates of a tile's rows of x or y, coordinate by coordinate; padded against bank conflicts.
template <int kMicro>
struct alignas(16) Slab {
  float at[kDepth][kSide * kMicro + 4];

  /// Rows past the end repeat the last one, coordinates past the end are 0.
  __device__ __forceinline__ void load(Matrix<const float> from, int64_t first_row, int64_t first_coordinate) {
    const int k = static_cast<int>(threadIdx.x) % kDepth;
    const bool exists = first_coordinate + k < from.columns;
    for (int row = static_cast<int>(threadIdx.x) / kDepth; row < kSide * kMicro; row += kTileThreads / kDepth) {
      const int64_t source = min(first_row + row, from.rows - 1);
      at[k][row] = exists ? from.data[source * from.stride + first_coordinate + k] : 0.0f;
    }
  }
};

/// Where a thread's kMicro x kMicro pairs lie in its block's tile.
template <int kMicro>
struct MicroTile {
  int down;
  int across;

  __device__ __forceinline__ MicroTile()
      : down(static_cast<int>(threadIdx.x) / kSide * kMicro), across(static_cast<int>(threadIdx.x) % kSide * kMicro) {}
};

/// sums[i][j] = terms of this thread's i-th row and j-th column of the tile; called by all kTileThreads threads of a
/// block. A cost that is no sum over coordinates overloads this.
template <int kMicro, class Form>
__device__ __forceinline__ void fill_tile(const Form& cost, Matrix<const float> x, int64_t first_row,
                                          Matrix<const float> y, int64_t first_column, float (&sums)[kMicro][kMicro]) {
  __shared__ Slab<kMicro> x_slab, y_slab;
  const MicroTile<kMicro> own;
  for (int i = 0; i < kMicro; ++i)
    for (int j = 0; j < kMicro; ++j) sums[i][j] = 0;
  for (int64_t k = 0; k < x.columns; k += kDepth) {
    __syncthreads();  // every thread has read the slabs before
    x_slab.load(x, first_row, k);
    y_slab.load(y, first_column, k);
    __syncthreads();
#pragma unroll 4
    for (int depth = 0; depth < kDepth; ++depth) {
      const auto x_part = Pack<kMicro>::load(&x_slab.at[depth][own.down]);
      const auto y_part = Pack<kMicro>::load(&y_slab.at[depth][own.across]);
#pragma unroll
      for (int i = 0; i < kMicro; ++i)
#pragma unroll
        for (int j = 0; j < kMicro; ++j) sums[i][j] = cost.add_term(sums[i][j], x_part[i], y_part[j]);
    }
  }
}

/// The sum of a pair that is not trusted, taken again. Rare, and not inlined to keep its registers out of the sweep.
template <class Form>
__device__ __noinline__ PairSum careful_sum(const Form& cost, const float* x, const float* y, int64_t d) {
  return pair_sum<1>(cost, x, y, d, 0);
}

/// What is to be finished for rows `row` and `column`, given their sum.
template <class Form>
__device__ __forceinline__ PairSum exact_sum(const Form& cost, Matrix<const float> x, Matrix<const float> y,
                                             int64_t row, int64_t column, float sum) {
  if (cost.trusted(sum)) return {sum, 1};
  return careful_sum(cost, x.data + row * x.stride, y.data + column * y.stride, x.columns);
}

/// The cost of rows `row` and `column`, given their sum.
template <class Form>
__device__ __forceinline__ float cost_of(const Form& cost, Matrix<const float> x, Matrix<const float> y, int64_t row,
                                         int64_t column, float sum) {
  const PairSum pair = exact_sum(cost, x, y, row, column, sum);
  return cost.finish(pair.sum, pair.unit);
}

}  // namespace wasserkern::cuda
