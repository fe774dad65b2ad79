#pragma once

#include <cstdint>

#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/filter_bounds.cuh"
#include "kernels/cuda/filter_columns.cuh"
#include "kernels/cuda/tensor_core.cuh"
#include "kernels/cuda/warp.cuh"

// A filter whose products never leave the registers: tiles of 128 x 128 pairs on tensor cores, 64 x 64 a warp, and the
// bounds of the pairs from the accumulators.
//
// Rows come as rounded copies, 64 bytes of each at a time, three stages deep: one is multiplied while two are under
// way. Two rows of a stage share the 128 bytes of all banks; packs of 16 bytes are exchanged within a row by the number
// of its pair of rows, so that the eight rows that ldmatrix reads at a time, and the eight packs that a quarter of a
// warp writes, lie in different banks without padding, and three stages fit the 48 KiB that any GPU gives a block.
//
// Limit: tensor cores. On sm_80 a tile takes 32 cycles a coordinate as TF32 and 16 as bf16; meanwhile shared memory is
// busy for three quarters of the time, and L2 gives 32 bytes a cycle. Then six instructions a pair where the cost is
// proportional to the squared distance. The loop over slabs, compiled for sm_80: 64 HMMA, 16 LDSM and 8 LDGSTS of some
// 150 instructions, which are issued in a third of the cycles that the tensor cores need.

namespace wasserkern::cuda {

constexpr int kTensorThreads = 128;
constexpr int kTensorTile = 128;  // rows of x and of y
constexpr int kSlabBytes = 64;    // of a row in a stage
constexpr int kCopyStages = 3;

/// Rounded rows, a whole number of tiles of them, a whole number of slabs long; at least one.
struct RoundedRows {
  const char* data;
  int tiles;
  int slabs;

  __device__ __forceinline__ int pitch() const { return slabs * kSlabBytes; }
};

/// Candidates of the copies: rows from `first` on of the matrix that they were made from.
struct RoundedCandidates {
  RoundedRows rows;
  int first;
  int count;
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

  static __device__ __forceinline__ int own_row() { return static_cast<int>(threadIdx.x) / kPacks; }
  static __device__ __forceinline__ int own_place() { return static_cast<int>(threadIdx.x) % kPacks; }

  /// Where this thread starts to copy from the first slab of a tile.
  static __device__ __forceinline__ const char* source(const RoundedRows& from, int tile) {
    return from.data + static_cast<int64_t>(tile * kTensorTile + own_row()) * from.pitch() + own_place() * kPackBytes;
  }

  /// Starts to copy; all threads of the block take part.
  __device__ __forceinline__ void fetch(const char* source, int pitch) {
    constexpr int kRowsAtOnce = kTensorThreads / kPacks;
#pragma unroll
    for (int row = 0; row < kTensorTile; row += kRowsAtOnce)
      copy_pack_async(pack(own_row() + row, own_place()), source + int64_t{row} * pitch);
  }
};

/// Where a thread's 8 x 16 pairs lie in a tile: in 4 x 8 operands of its warp, in each of them two rows and two
/// columns.
struct TensorPairs {
  int lane = static_cast<int>(threadIdx.x) % kWarp;
  int down = static_cast<int>(threadIdx.x) / kWarp / 2 * 64;
  int across = static_cast<int>(threadIdx.x) / kWarp % 2 * 64;

  __device__ __forceinline__ int row(int r) const { return down + r * 8 + lane / 4; }
  __device__ __forceinline__ int column(int c) const { return across + lane % 4 * 2 + c / 2 * 8 + c % 2; }
};

/// The products of a thread's pairs, as the tensor cores leave them.
struct TensorSums {
  float of_operands[4][8][4] = {};

  __device__ __forceinline__ float& at(int r, int c) { return of_operands[r / 2][c / 2][r % 2 * 2 + c % 2]; }
  __device__ __forceinline__ float at(int r, int c) const { return of_operands[r / 2][c / 2][r % 2 * 2 + c % 2]; }

  /// The first row becomes the last.
  __device__ __forceinline__ void rotate_column(int c) {
    const float first = at(0, c);
#pragma unroll
    for (int r = 0; r < 7; ++r) at(r, c) = at(r + 1, c);
    at(7, c) = first;
  }

  /// That of row pair / 4 and column kFirst + pair % 4: registers have no addresses.
  template <int kFirst>
  __device__ __forceinline__ float pick(int pair) const {
    float picked = 0;
#pragma unroll
    for (int at_pair = 0; at_pair < 32; ++at_pair)
      picked = pair == at_pair ? at(at_pair / 4, kFirst + at_pair % 4) : picked;
    return picked;
  }
};

/// sums += products of a slab.
template <class Rounding>
__device__ __forceinline__ void multiply_slab(Slab64& x, Slab64& y, TensorSums& sums) {
  const TensorPairs own;
#pragma unroll
  for (int step = 0; step < kSlabBytes / 32; ++step) {
    uint32_t y_parts[4][4];
#pragma unroll
    for (int j = 0; j < 4; ++j)
      load_matrices(y_parts[j],
                    y.pack(own.across + j * 16 + own.lane / 16 * 8 + own.lane % 8, step * 2 + own.lane / 8 % 2));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      uint32_t x_parts[4];
      load_matrices(x_parts, x.pack(own.down + i * 16 + own.lane % 16, step * 2 + own.lane / 16));
#pragma unroll
      for (int j = 0; j < 8; ++j)
        multiply_add(Rounding(), sums.of_operands[i][j], x_parts, y_parts[j / 2][j % 2 * 2],
                     y_parts[j / 2][j % 2 * 2 + 1]);
    }
  }
}

/// The bounds of a tile's pairs, each thread its own.
template <class Form>
class TileFilter {
 public:
  __device__ __forceinline__ TileFilter(const ValueBounds<Form>& bounds, const RoundedCandidates& candidates, int tile,
                                        const FilterColumns& columns, bool keep)
      : bounds_(bounds),
        candidates_(candidates),
        first_row_(tile * kTensorTile),
        columns_(columns),
        first_column_(static_cast<int>(blockIdx.x) * kTensorTile),
        keep_(keep) {}

  /// Takes the pairs that are not ruled out.
  __device__ __forceinline__ void take(TensorSums& sums) const {
    take_columns<0>(sums);
    take_columns<4>(sums);
    take_columns<8>(sums);
    take_columns<12>(sums);
  }

 private:
  /// Those of four columns.
  template <int kFirst>
  __device__ __forceinline__ void take_columns(TensorSums& sums) const {
    const unsigned open = bounds_.proportional() ? open_pairs<true, kFirst>(sums) : open_pairs<false, kFirst>(sums);
#pragma unroll 1
    for (unsigned left = open; left; left &= left - 1) {
      const int pair = __ffs(static_cast<int>(left)) - 1;
      take_pair(pair / 4, kFirst + pair % 4, sums.pick<kFirst>(pair));
    }
  }

  /// A bit for every pair that is not ruled out, of place 4 row + column.
  template <bool kProportional, int kFirst>
  __device__ __forceinline__ unsigned open_pairs(TensorSums& sums) const {
    float norms[4], promised[4];
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      norms[c] = columns_.norms[column(kFirst + c)];
      promised[c] = columns_.promised(column(kFirst + c));
    }
    unsigned open = 0;
    // Where a cost's `finish` is long the rows take turns at the first place: many copies of it would push the products
    // out of the instruction cache.
#pragma unroll(kProportional ? 8 : 1)
    for (int r = 0; r < 8; ++r) {
      const float norm = candidates_.norms[row(r)], phi = potential(r);
      unsigned bits = 0;
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const float distance = bounds_.distance(norm + norms[c], sums.at(kProportional ? r : 0, kFirst + c));
        const float least = kProportional ? bounds_.least_by_factor(distance, phi) : bounds_.least(distance, phi);
        if (!(least > promised[c])) bits |= 1u << c;  // also for NaN
        if constexpr (!kProportional) sums.rotate_column(kFirst + c);
      }
      open |= bits << (r * 4);
    }
    return open;
  }

  __device__ __forceinline__ void take_pair(int r, int c, float product) const {
    if (row(r) >= candidates_.count || column(c) >= columns_.size) return;
    const float norms = candidates_.norms[row(r)] + columns_.norms[column(c)];
    const float distance = bounds_.distance(norms, product), phi = potential(r);
    const float promised = columns_.promised(column(c)), least = bounds_.least(distance, phi);
    if (least > promised) return;  // than what was promised meanwhile
    columns_.lower(column(c), promised, bounds_.largest(distance, norms, phi));
    if (keep_) columns_.keep(column(c), {candidates_.first + row(r), least});
  }

  __device__ __forceinline__ int row(int r) const { return first_row_ + pairs_.row(r); }
  /// Wide, so that a thread's columns are offsets from one address.
  __device__ __forceinline__ int64_t column(int c) const {
    return int64_t{first_column_ + pairs_.column(0)} + (pairs_.column(c) - pairs_.column(0));
  }
  __device__ __forceinline__ float potential(int r) const {
    return candidates_.phi[candidates_.first + min(row(r), candidates_.count - 1)];
  }

  const ValueBounds<Form>& bounds_;
  const RoundedCandidates& candidates_;
  int first_row_;
  const FilterColumns& columns_;
  int first_column_;
  bool keep_;
  TensorPairs pairs_;
};

#endif

/// Lowers promises by the products of candidates and columns, whose norms and promises are padded to whole tiles; keeps
/// the survivors unless candidates are only sampled. A block keeps a tile of columns and takes every `spacing` x
/// gridDim.y-th tile of candidates, from `spacing` x blockIdx.y on.
template <class Rounding, class Form>
__global__ void __launch_bounds__(kTensorThreads, 2)
    filter_tensor_kernel(ValueBounds<Form> bounds, RoundedCandidates candidates, RoundedRows y, FilterColumns columns,
                         int spacing, bool keep) {
#if __CUDA_ARCH__ >= 800
  __shared__ Slab64 x_slabs[kCopyStages], y_slabs[kCopyStages];
  const int slabs = y.slabs, between = spacing * static_cast<int>(gridDim.y);
  int tile = spacing * static_cast<int>(blockIdx.y);

  // The place of the copies runs ahead of the products', across tiles.
  int next_tile = tile, next_slab = 0;
  const char* x_source = Slab64::source(candidates.rows, tile);
  const char* y_source = Slab64::source(y, static_cast<int>(blockIdx.x));
  const auto fetch = [&](int stage) {
    if (next_tile < candidates.rows.tiles) {
      x_slabs[stage].fetch(x_source, y.pitch());
      y_slabs[stage].fetch(y_source, y.pitch());
    }
    close_copy_group();
    x_source += kSlabBytes;
    y_source += kSlabBytes;
    if (++next_slab < slabs) return;
    next_slab = 0;
    next_tile += between;
    x_source += (int64_t{between} * kTensorTile - 1) * y.pitch();
    y_source -= y.pitch();
  };
#pragma unroll
  for (int stage = 0; stage < kCopyStages - 1; ++stage) fetch(stage);

  int stage = 0;
  for (; tile < candidates.rows.tiles; tile += between) {
    TensorSums sums;
#pragma unroll 1
    for (int slab = 0; slab < slabs; ++slab) {
      wait_for_copy_groups<kCopyStages - 2>();
      __syncthreads();  // this stage is complete, and all have read the one before, which is filled next
      fetch(stage ? stage - 1 : kCopyStages - 1);
      multiply_slab<Rounding>(x_slabs[stage], y_slabs[stage], sums);
      stage = stage + 1 == kCopyStages ? 0 : stage + 1;
    }
    TileFilter<Form>(bounds, candidates, tile, columns, keep).take(sums);
  }
#endif
}

}  // namespace wasserkern::cuda
