#pragma once

#include <cstdint>

#include "kernels/cuda/filter_bounds.cuh"
#include "kernels/cuda/filter_columns.cuh"
#include "kernels/cuda/tensor_core.cuh"
#include "kernels/cuda/warp.cuh"

// A filter whose products never leave the registers: tiles of 128 x 128 pairs on tensor cores, 64 x 32 a warp, and the
// bounds of the pairs from the accumulators.
//
// Rows come as rounded copies, 64 bytes of each at a time, three stages deep: one is multiplied while two are under
// way. Two rows of a stage share the 128 bytes of all banks; packs of 16 bytes are exchanged within a row by the number
// of its pair of rows, so that the eight rows that ldmatrix reads at a time, and the eight packs that a quarter of a
// warp writes, lie in different banks without padding, and three stages fit the 48 KiB that any GPU gives a block.
//
// Limit: tensor cores, 128 x 128 x d multiply-adds a tile (sm_80: 16 cycles a coordinate as TF32, 8 as bf16, and bytes
// of L2 that are 64 a cycle either way), then some 12 instructions a pair that p = q takes.

namespace wasserkern::cuda {

constexpr int kTensorThreads = 256;
constexpr int kTensorTile = 128;  // rows of x and of y
constexpr int kSlabBytes = 64;    // of a row in a stage
constexpr int kCopyStages = 3;

/// Rounded rows, a whole number of tiles of them, a whole number of slabs long; at least one.
struct RoundedRows {
  const char* data;
  int64_t tiles;
  int64_t slabs;

  __device__ __forceinline__ const char* slab(int64_t tile, int64_t at) const {
    return data + tile * kTensorTile * slabs * kSlabBytes + at * kSlabBytes;
  }
};

/// Candidates of the copies: rows from `first` on of the matrix that they were made from.
struct RoundedCandidates {
  RoundedRows rows;
  int64_t first;
  int64_t count;
  const float* norms;  // of the copies, padded as they are
  const float* phi;    // of all rows
};

#if __CUDA_ARCH__ >= 800

/// One slab of a tile of rows.
struct alignas(128) Slab64 {
  char at[kTensorTile * kSlabBytes];

  static constexpr int kPackBytes = 16, kPacks = kSlabBytes / kPackBytes;

  __device__ __forceinline__ char* pack(int row, int place) {
    return at + row * kSlabBytes + (place ^ (row / 2 % kPacks)) * kPackBytes;
  }

  /// Starts to copy; all threads of the block take part.
  __device__ __forceinline__ void fetch(const RoundedRows& from, int64_t tile, int64_t slab) {
    const char* source = from.slab(tile, slab);
    const int place = static_cast<int>(threadIdx.x) % kPacks;
#pragma unroll
    for (int turn = 0; turn < kTensorTile * kPacks / kTensorThreads; ++turn) {
      const int row = static_cast<int>(threadIdx.x) / kPacks + turn * (kTensorThreads / kPacks);
      copy_pack_async(pack(row, place), source + row * (from.slabs * kSlabBytes) + place * kPackBytes);
    }
  }
};

/// Where a thread's pairs lie in a tile: 4 x 4 operands of its warp, in each of them two rows and two columns.
struct TensorPairs {
  int lane = static_cast<int>(threadIdx.x) % kWarp;
  int down = static_cast<int>(threadIdx.x) / kWarp / 4 * 64;
  int across = static_cast<int>(threadIdx.x) / kWarp % 4 * 32;

  __device__ __forceinline__ int row(int operand, int half) const { return down + operand * 16 + half * 8 + lane / 4; }
  __device__ __forceinline__ int column(int operand, int half) const {
    return across + operand * 8 + lane % 4 * 2 + half;
  }
};

/// sums += products of a slab.
template <class Rounding>
__device__ __forceinline__ void multiply_slab(Slab64& x, Slab64& y, const TensorPairs& own, float (&sums)[4][4][4]) {
#pragma unroll
  for (int step = 0; step < kSlabBytes / 32; ++step) {
    uint32_t x_parts[4][4], y_parts[2][4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
      load_matrices(x_parts[i], x.pack(own.down + i * 16 + own.lane % 16, step * 2 + own.lane / 16));
#pragma unroll
    for (int j = 0; j < 2; ++j)
      load_matrices(y_parts[j],
                    y.pack(own.across + j * 16 + own.lane / 16 * 8 + own.lane % 8, step * 2 + own.lane / 8 % 2));
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j)
        multiply_add(Rounding(), sums[i][j], x_parts[i], y_parts[j / 2][j % 2 * 2], y_parts[j / 2][j % 2 * 2 + 1]);
  }
}

/// Takes a pair that is not ruled out; returns the column's promise. Rare, and not inlined: 64 copies of it would
/// push the products out of the instruction cache.
template <class Form>
__device__ __noinline__ float take_candidate(const ValueBounds<Form>& bounds, const FilterColumns& columns,
                                             int64_t column, float promised, float distance, float norms, float phi,
                                             int32_t place, bool keep) {
  const float lowered = columns.lower(column, promised, bounds.largest(distance, norms, phi));
  if (keep) columns.keep(column, {place, bounds.least(distance, phi)});
  return lowered;
}

/// Rules out the pairs of a tile, from their products.
template <class Form>
__device__ __forceinline__ void filter_tile(const ValueBounds<Form>& bounds, const RoundedCandidates& candidates,
                                            int64_t first_row, const FilterColumns& columns, int64_t first_column,
                                            const TensorPairs& own, bool keep, float (&sums)[4][4][4]) {
  float norms[4][2], phi[4][2];
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int64_t row = first_row + own.row(i, half);
      norms[i][half] = candidates.norms[row];
      phi[i][half] = candidates.phi[candidates.first + min(row, candidates.count - 1)];
    }
#pragma unroll
  for (int j = 0; j < 4; ++j)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int64_t column = first_column + own.column(j, half);
      const float norm = columns.norms[column];
      float promised = columns.promised(column);
      bool open = false;
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        float& sum = sums[i / 2][j][i % 2 * 2 + half];
        sum = bounds.distance(norms[i / 2][i % 2] + norm, sum);
        open |= !(bounds.least(sum, phi[i / 2][i % 2]) > promised);  // also for NaN
      }
      if (!open || column >= columns.size) continue;
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const float distance = sums[i / 2][j][i % 2 * 2 + half];
        const int64_t row = first_row + own.row(i / 2, i % 2);
        if (row < candidates.count && !(bounds.least(distance, phi[i / 2][i % 2]) > promised))
          promised = take_candidate(bounds, columns, column, promised, distance, norms[i / 2][i % 2] + norm,
                                    phi[i / 2][i % 2], static_cast<int32_t>(candidates.first + row), keep);
      }
    }
}

#endif

/// Lowers promises by the products of candidates and columns, whose norms and promises are padded to whole tiles; keeps
/// the survivors unless candidates are only sampled. A block keeps a tile of columns and takes every `spacing` x
/// gridDim.y-th tile of candidates, from `spacing` x blockIdx.y on.
template <class Rounding, class Form>
__global__ void __launch_bounds__(kTensorThreads, 2)
    filter_tensor_kernel(ValueBounds<Form> bounds, RoundedCandidates candidates, RoundedRows y, FilterColumns columns,
                         int64_t spacing, bool keep) {
#if __CUDA_ARCH__ >= 800
  __shared__ Slab64 x_slabs[kCopyStages], y_slabs[kCopyStages];
  const TensorPairs own;
  const int64_t slabs = y.slabs, between = spacing * gridDim.y;
  int64_t tile = spacing * blockIdx.y;

  // The place of the copies runs ahead of the products', across tiles.
  int64_t next_tile = tile, next_slab = 0;
  const auto fetch = [&](int stage) {
    if (next_tile < candidates.rows.tiles) {
      x_slabs[stage].fetch(candidates.rows, next_tile, next_slab);
      y_slabs[stage].fetch(y, blockIdx.x, next_slab);
    }
    close_copy_group();
    if (++next_slab == slabs) next_slab = 0, next_tile += between;
  };
#pragma unroll
  for (int stage = 0; stage < kCopyStages - 1; ++stage) fetch(stage);

  int stage = 0;
  for (; tile < candidates.rows.tiles; tile += between) {
    float sums[4][4][4] = {};
#pragma unroll 1
    for (int64_t slab = 0; slab < slabs; ++slab) {
      wait_for_copy_groups<kCopyStages - 2>();
      __syncthreads();  // this stage is complete, and all have read the one before, which is filled next
      fetch(stage ? stage - 1 : kCopyStages - 1);
      multiply_slab<Rounding>(x_slabs[stage], y_slabs[stage], own, sums);
      stage = stage + 1 == kCopyStages ? 0 : stage + 1;
    }
    filter_tile(bounds, candidates, tile * kTensorTile, columns, static_cast<int64_t>(blockIdx.x) * kTensorTile, own,
                keep, sums);
  }
#endif
}

}  // namespace wasserkern::cuda
