#include "kernels/l1_bytes.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/minimum.cuh"
#include "kernels/cuda/pair_tile.cuh"

namespace wasserkern {
namespace {

// As kernels/c_transform.cu, with four coordinates in a word of which one instruction sums the absolute differences.

using cuda::kDepth, cuda::kSide, cuda::kTileThreads, cuda::Minimum;

constexpr int kMicro = 4;  // a thread sums kMicro x kMicro pairs
constexpr int kTile = kSide * kMicro;

/// Coordinates [4 word, 4 word + 4) of a row, past the end 0.
__device__ __forceinline__ uint32_t word_of(const uint8_t* row, int64_t columns, int64_t word) {
  const int64_t k = 4 * word;
  if (k + 4 <= columns && reinterpret_cast<uintptr_t>(row) % 4 == 0)
    return reinterpret_cast<const uint32_t*>(row)[word];
  uint32_t bytes = 0;
  for (int byte = 0; byte < 4; ++byte)
    if (k + byte < columns) bytes |= static_cast<uint32_t>(row[k + byte]) << (8 * byte);
  return bytes;
}

/// kDepth words of a tile's rows of x or y, word by word; padded against bank conflicts.
struct ByteSlab {
  alignas(16) uint32_t at[kDepth][kTile + 4];

  /// Rows past the end repeat the last one.
  __device__ __forceinline__ void load(Matrix<const uint8_t> from, int64_t first_row, int64_t first_word) {
    const int k = static_cast<int>(threadIdx.x) % kDepth;
    for (int row = static_cast<int>(threadIdx.x) / kDepth; row < kTile; row += kTileThreads / kDepth) {
      const int64_t source = min(first_row + row, from.rows - 1);
      at[k][row] = word_of(from.data + source * from.stride, from.columns, first_word + k);
    }
  }
};

/// A thread's words of one slab row, read by one instruction.
struct alignas(16) MicroWords {
  uint32_t word[kMicro];
};

/// sums[i][j] = the distance of this thread's i-th row and j-th column of the tile; called by all threads of a block.
__device__ __forceinline__ void fill_tile(Matrix<const uint8_t> x, int64_t first_row, Matrix<const uint8_t> y,
                                          int64_t first_column, uint32_t (&sums)[kMicro][kMicro]) {
  __shared__ ByteSlab x_slab, y_slab;
  const cuda::MicroTile<kMicro> own;
  for (int i = 0; i < kMicro; ++i)
    for (int j = 0; j < kMicro; ++j) sums[i][j] = 0;
  for (int64_t word = 0; 4 * word < x.columns; word += kDepth) {
    __syncthreads();  // every thread has read the slabs before
    x_slab.load(x, first_row, word);
    y_slab.load(y, first_column, word);
    __syncthreads();
#pragma unroll 4
    for (int depth = 0; depth < kDepth; ++depth) {
      const auto x_part = *reinterpret_cast<const MicroWords*>(&x_slab.at[depth][own.down]);
      const auto y_part = *reinterpret_cast<const MicroWords*>(&y_slab.at[depth][own.across]);
#pragma unroll
      for (int i = 0; i < kMicro; ++i)
#pragma unroll
        for (int j = 0; j < kMicro; ++j) sums[i][j] += __vsadu4(x_part.word[i], y_part.word[j]);
    }
  }
}

__global__ void __launch_bounds__(kTileThreads)
    l1_kernel(Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out) {
  const cuda::MicroTile<kMicro> own;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * kTile;
  for (int64_t first_row = static_cast<int64_t>(blockIdx.y) * kTile; first_row < x.rows;
       first_row += static_cast<int64_t>(gridDim.y) * kTile) {
    uint32_t sums[kMicro][kMicro];
    fill_tile(x, first_row, y, first_column, sums);
    for (int i = 0; i < kMicro; ++i)
      for (int j = 0; j < kMicro; ++j) {
        const int64_t row = first_row + own.down + i, column = first_column + own.across + j;
        if (row < out.rows && column < out.columns)
          out.data[row * out.stride + column] = static_cast<int32_t>(sums[i][j]);
      }
  }
}

/// Minima of columns over rows [part * rows_per_part, ...) of x, part by part: values and places [parts, n].
__global__ void __launch_bounds__(kTileThreads)
    sweep_kernel(float scale, Matrix<const uint8_t> x, const float* phi, Matrix<const uint8_t> y, int64_t rows_per_part,
                 float* values, int32_t* places) {
  const cuda::MicroTile<kMicro> own;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);
  Minimum minima[kMicro];
  for (int j = 0; j < kMicro; ++j) minima[j] = cuda::no_minimum();
  for (int64_t first_row = begin; first_row < end; first_row += kTile) {
    uint32_t sums[kMicro][kMicro];
    fill_tile(x, first_row, y, first_column, sums);
#pragma unroll
    for (int i = 0; i < kMicro; ++i) {
      const int64_t row = first_row + own.down + i;
      if (row >= end) break;
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const float cost = __fmul_rn(scale, static_cast<float>(sums[i][j]));  // not fused: the CPU's bits
        minima[j].join({cost - phi[row], static_cast<int32_t>(row)});
      }
    }
  }
  const Minimum minimum = cuda::join_tile(minima);
  const int64_t column = first_column + threadIdx.x;
  if (threadIdx.x >= kTile || column >= y.rows) return;
  values[blockIdx.y * y.rows + column] = minimum.value;
  places[blockIdx.y * y.rows + column] = minimum.place;
}

}  // namespace

void l1_bytes(CudaStream& stream, Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out) {
  check_l1_bytes(x, y, out);
  if (x.rows == 0 || y.rows == 0) return;
  const dim3 blocks(static_cast<unsigned>(cuda::ceil_div(y.rows, kTile)),
                    static_cast<unsigned>(std::min<int64_t>(65535, cuda::ceil_div(x.rows, kTile))));
  cuda::launch(stream, l1_kernel, blocks, kTileThreads, x, y, out);
}

void c_transform_bytes(CudaStream& stream, float scale, Matrix<const uint8_t> x, Vector<const float> phi,
                       Matrix<const uint8_t> y, Vector<float> out, Vector<int32_t> argmin) {
  check_c_transform_bytes(x, phi, y, out, argmin);
  if (y.rows == 0) return;
  constexpr int64_t kBlocksPerMultiprocessor = 4;
  const int64_t panels = cuda::ceil_div(y.rows, kTile), tiles = cuda::ceil_div(x.rows, kTile);
  const int64_t wanted = stream.handles().multiprocessors * kBlocksPerMultiprocessor / panels;
  const int64_t tiles_per_part = cuda::ceil_div(tiles, std::clamp<int64_t>(wanted, 1, tiles));
  const int64_t parts = cuda::ceil_div(tiles, tiles_per_part);

  float* values = out.data;
  int32_t* places = argmin.data;
  if (parts > 1) {
    values = static_cast<float*>(
        stream.workspace(static_cast<size_t>(parts * out.size) * (sizeof(float) + sizeof(int32_t))));
    places = reinterpret_cast<int32_t*>(values + parts * out.size);
  }
  const dim3 blocks(static_cast<unsigned>(panels), static_cast<unsigned>(parts));
  cuda::launch(stream, sweep_kernel, blocks, kTileThreads, scale, x, phi.data, y, tiles_per_part * kTile, values,
               places);
  if (parts > 1)
    cuda::launch(stream, cuda::join_parts_kernel, cuda::blocks_for(stream, out.size, kTileThreads), kTileThreads, parts,
                 values, places, out, argmin.data);
}

}  // namespace wasserkern
