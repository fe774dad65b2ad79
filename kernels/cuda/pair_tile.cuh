#pragma once

#include <cstdint>

#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/pair_sum.cuh"
#include "kernels/view.h"

// Tiles of pairs of rows of x and y, a block each, summed in registers: what is common to kernels that take a cost
// matrix in and never store it.
//
// A stage of a few coordinates of the tile's rows lies in shared memory while the next is copied asynchronously. Rows
// lie there as in main memory, so that copies need no registers, and a thread reads four coordinates of a row by one
// instruction. Its rows are kDown and kAcross apart: the eight threads that are served at a time read neighbouring
// rows, which with the stage's pitch of 20 words lie in different banks.
//
// Limit: per term l1 and squared l2 take two instructions (a difference, and its addition or FFMA), so half the
// multiprocessors' FP32 lanes give a term each per cycle. A tile of 128 x 64 pairs reads 0.09 bytes per term from L2.
// Compiled for sm_80 and sm_90, four coordinates of 8 x 8 pairs are 532 to 539 instructions: 512 for the terms, 16
// loads of 128 bits. Other powers are 22 instructions per term, two of them for the special-function units, which can
// take eight terms a cycle.

namespace wasserkern::cuda {

constexpr int kDown = 16;   // threads of a block along the rows of x
constexpr int kAcross = 8;  // and along the rows of y
constexpr int kTileThreads = kDown * kAcross;
constexpr int kStageBytes = 64;  // of a row in shared memory at a time
constexpr int kPackBytes = 16;   // that a thread reads by one instruction

/// Blocks that share a multiprocessor, for __launch_bounds__: what the registers of their threads allow.
template <int kMicro>
constexpr int resident_blocks() {
  return kMicro == 8 ? 3 : kMicro == 4 ? 5 : 8;
}

/// Where a thread's kMicro x kMicro pairs lie in its block's tile.
template <int kMicro>
struct MicroTile {
  static constexpr int kRows = kDown * kMicro;
  static constexpr int kColumns = kAcross * kMicro;

  int down = static_cast<int>(threadIdx.x) / kAcross;
  int across = static_cast<int>(threadIdx.x) % kAcross;

  __device__ __forceinline__ int row(int i) const { return down + i * kDown; }
  __device__ __forceinline__ int column(int j) const { return across + j * kAcross; }
};

/// `value`, hidden from the compiler, which would else compute what is made of it ahead of the loop around and keep it
/// in registers that the sums need.
__device__ __forceinline__ int64_t not_ahead(int64_t value) {
  asm volatile("" : "+l"(value));
  return value;
}

/// The rows of a matrix as bytes.
struct ByteRows {
  const char* data;
  int64_t rows;
  int64_t bytes;  // of a row
  int64_t stride;

  template <class T>
  __device__ __forceinline__ explicit ByteRows(Matrix<const T> of)
      : data(reinterpret_cast<const char*>(of.data)),
        rows(of.rows),
        bytes(of.columns * static_cast<int64_t>(sizeof(T))),
        stride(of.stride * static_cast<int64_t>(sizeof(T))) {}

  /// Whether every row starts at a multiple of `alignment`.
  __device__ __forceinline__ bool aligned(int alignment) const {
    return (reinterpret_cast<uintptr_t>(data) | static_cast<uintptr_t>(stride)) % static_cast<uintptr_t>(alignment) ==
           0;
  }
};

/// kStageBytes of kRows rows.
template <int kRows>
struct Stage {
  static constexpr int kPitch = kStageBytes + kPackBytes;
  alignas(kPackBytes) char at[kRows][kPitch];

  /// Starts to copy rows from `first_row` and bytes from `first_byte` on, kChunk at a time. Rows past the end repeat
  /// the last one, bytes past the end are 0.
  template <int kChunk>
  __device__ __forceinline__ void fetch(const ByteRows& from, int64_t first_row, int64_t first_byte) {
    constexpr int kChunks = kStageBytes / kChunk, kRowsAtOnce = kTileThreads / kChunks;
    constexpr int kTurns = (kRows + kRowsAtOnce - 1) / kRowsAtOnce;
    const int thread = static_cast<int>(threadIdx.x), offset = thread % kChunks * kChunk;
    const int64_t left = from.bytes - first_byte - offset;
    const int there = left >= kChunk ? kChunk : left > 0 ? static_cast<int>(left) : 0;
    const int64_t byte = there > 0 ? first_byte + offset : 0;
    first_row = not_ahead(first_row);
#pragma unroll(kChunk == kPackBytes ? kTurns : 1)
    for (int turn = 0; turn < kTurns; ++turn) {
      const int row = thread / kChunks + turn * kRowsAtOnce;
      if (kRows % kRowsAtOnce != 0 && row >= kRows) break;
      const char* source = from.data + min(first_row + row, from.rows - 1) * from.stride + byte;
      if constexpr (kChunk == 1)
        at[row][offset] = there > 0 ? *source : char{0};
      else
        copy_async<kChunk>(&at[row][offset], source, there);
    }
  }

  template <class T>
  __device__ __forceinline__ T read(int row, int byte) const {
    return *reinterpret_cast<const T*>(&at[row][byte]);
  }
};

/// sums[i][j] = `add`ed packs of this thread's i-th row and j-th column of the tile, in the order of coordinates;
/// called by all kTileThreads threads of a block. `add(sum, x, y)` returns the sum with two values of type T taken in.
template <class T, int kMicro, class Sum, class Add>
__device__ __forceinline__ void sum_tile(const ByteRows& x, int64_t first_row, const ByteRows& y, int64_t first_column,
                                         Sum (&sums)[kMicro][kMicro], Add add) {
  using Tile = MicroTile<kMicro>;
  constexpr int kValues = kPackBytes / static_cast<int>(sizeof(T));
  struct alignas(kPackBytes) Values {
    T value[kValues];
  };
  __shared__ Stage<Tile::kRows> x_stage[2];
  __shared__ Stage<Tile::kColumns> y_stage[2];
  const int chunk = x.aligned(kPackBytes) && y.aligned(kPackBytes) ? kPackBytes : x.aligned(4) && y.aligned(4) ? 4 : 1;
  const auto fetch = [&](int stage, int64_t byte) {
    const auto by = [&]<int kChunk>() {
      x_stage[stage].template fetch<kChunk>(x, first_row, byte);
      y_stage[stage].template fetch<kChunk>(y, first_column, byte);
    };
    if (chunk == kPackBytes)
      by.template operator()<kPackBytes>();
    else if (sizeof(T) == 4 && chunk == 4)
      by.template operator()<4>();
    else
      by.template operator()<1>();
  };

  const Tile own;
#pragma unroll
  for (int i = 0; i < kMicro; ++i)
#pragma unroll
    for (int j = 0; j < kMicro; ++j) sums[i][j] = 0;
  const int stages = static_cast<int>((x.bytes + kStageBytes - 1) / kStageBytes);
  for (int turn = -1; turn < stages; ++turn) {
    const int stage = turn & 1;
    async_wait();
    __syncthreads();  // this stage is complete, and all have read the one before
    if (turn + 1 < stages) fetch(stage ^ 1, int64_t{kStageBytes} * (turn + 1));
    if (turn < 0) continue;
#pragma unroll 1
    for (int pack = 0; pack < kStageBytes; pack += kPackBytes) {
      Values y_values[kMicro];
#pragma unroll
      for (int j = 0; j < kMicro; ++j) y_values[j] = y_stage[stage].template read<Values>(own.column(j), pack);
#pragma unroll
      for (int i = 0; i < kMicro; ++i) {
        const Values x_values = x_stage[stage].template read<Values>(own.row(i), pack);
#pragma unroll
        for (int k = 0; k < kValues; ++k)
#pragma unroll
          for (int j = 0; j < kMicro; ++j) sums[i][j] = add(sums[i][j], x_values.value[k], y_values[j].value[k]);
      }
    }
  }
}

/// sums[i][j] = terms of this thread's i-th row and j-th column of the tile; called by all threads of a block. A cost
/// that is no sum over coordinates overloads this.
template <int kMicro, class Form>
__device__ __forceinline__ void fill_tile(const Form& cost, Matrix<const float> x, int64_t first_row,
                                          Matrix<const float> y, int64_t first_column, float (&sums)[kMicro][kMicro]) {
  sum_tile<float>(ByteRows(x), first_row, ByteRows(y), first_column, sums,
                  [&](float sum, float a, float b) { return cost.add_term(sum, a, b); });
}

/// One bit for every pair of a thread whose sum is not trusted and has to be taken again, which is rare.
template <int kMicro, class Form>
__device__ __forceinline__ uint64_t doubtful(const Form& cost, const float (&sums)[kMicro][kMicro]) {
  static_assert(kMicro * kMicro <= 64);
  uint64_t bits = 0;
#pragma unroll
  for (int i = 0; i < kMicro; ++i)
#pragma unroll
    for (int j = 0; j < kMicro; ++j)
      if (!cost.trusted(sums[i][j])) bits |= uint64_t{1} << (i * kMicro + j);
  return bits;
}

/// Calls body(i kMicro + j, row, column, sum) for the pairs of `bits`, with their sums taken with care.
template <int kMicro, class Form, class Body>
__device__ __forceinline__ void for_each_careful(const Form& cost, Matrix<const float> x, int64_t first_row,
                                                 Matrix<const float> y, int64_t first_column, uint64_t bits,
                                                 Body body) {
  const MicroTile<kMicro> own;
#pragma unroll 1
  for (; bits; bits &= bits - 1) {
    const int pair = __ffsll(static_cast<long long>(bits)) - 1, i = pair / kMicro, j = pair % kMicro;
    const int64_t row = not_ahead(min(first_row + own.row(i), x.rows - 1));
    const int64_t column = not_ahead(min(first_column + own.column(j), y.rows - 1));
    const int64_t d = not_ahead(x.columns);
    body(pair, row, column, pair_sum<1>(cost, x.data + row * x.stride, y.data + column * y.stride, d, 0));
  }
}

/// Calls body(i, row) for every row of a thread's tile, which it may change, by one copy of its code: the rows take
/// turns at the first place, for registers have no addresses.
template <int kMicro, class Body>
__device__ __forceinline__ void for_each_row(float (&tile)[kMicro][kMicro], Body body) {
#pragma unroll 1
  for (int turn = 0; turn < kMicro; ++turn) {
    body(turn, tile[0]);
#pragma unroll
    for (int j = 0; j < kMicro; ++j) {
      const float done = tile[0][j];
#pragma unroll
      for (int i = 0; i + 1 < kMicro; ++i) tile[i][j] = tile[i + 1][j];
      tile[kMicro - 1][j] = done;
    }
  }
}

/// Turns sums that are trusted into costs.
template <int kMicro, class Form>
__device__ __forceinline__ void finish_tile(const Form& cost, float (&sums)[kMicro][kMicro]) {
  if constexpr (requires { cost.proportion(); })
    if (const float share = cost.proportion(); share > 0) {
#pragma unroll
      for (int i = 0; i < kMicro; ++i)
#pragma unroll
        for (int j = 0; j < kMicro; ++j) sums[i][j] *= share;
      return;
    }
  for_each_row(sums, [&](int, float(&row)[kMicro]) {
#pragma unroll
    for (int j = 0; j < kMicro; ++j) row[j] = cost.finish(row[j], 1);
  });
}

/// costs[i][j] = the cost of this thread's i-th row and j-th column of the tile, rows past the end repeating the last;
/// called by all threads of a block.
template <int kMicro, class Form>
__device__ __forceinline__ void cost_tile(const Form& cost, Matrix<const float> x, int64_t first_row,
                                          Matrix<const float> y, int64_t first_column, float (&costs)[kMicro][kMicro]) {
  fill_tile<kMicro>(cost, x, first_row, y, first_column, costs);
  const uint64_t bits = doubtful<kMicro>(cost, costs);
  finish_tile<kMicro>(cost, costs);
  for_each_careful<kMicro>(cost, x, first_row, y, first_column, bits, [&](int pair, int64_t, int64_t, PairSum sum) {
    const float exact = cost.finish(sum.sum, sum.unit);
#pragma unroll
    for (int i = 0; i < kMicro; ++i)
#pragma unroll
      for (int j = 0; j < kMicro; ++j) costs[i][j] = pair == i * kMicro + j ? exact : costs[i][j];
  });
}

}  // namespace wasserkern::cuda
