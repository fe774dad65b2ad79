#include "kernels/l1_bytes.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/column_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/minimum.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/tile_size.cuh"

namespace wasserkern {
namespace {

// As kernels/c_transform.cu, with four coordinates in a word of which one instruction adds the absolute differences to
// a sum: VABSDIFF4, at half the rate of an FADD, takes four terms where l1 of floats takes eight instructions. Compiled
// for sm_90 a loop over 16 coordinates of 8 x 8 pairs is 276 instructions, 256 of them VABSDIFF4.

using cuda::kTileThreads, cuda::Minimum;

constexpr int kMicro = 8;  // a thread sums kMicro x kMicro pairs
using Tile = cuda::MicroTile<kMicro>;

/// sum + the four |a - b| of bytes: one instruction, where the sum of __vsadu4(a, b) is one and a half.
__device__ __forceinline__ uint32_t add_differences(uint32_t sum, uint32_t a, uint32_t b) {
  uint32_t result;
  asm("vabsdiff4.u32.u32.u32.add %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

/// sums[i][j] = the distance of this thread's i-th row and j-th column of the tile; called by all threads of a block.
__device__ __forceinline__ void distance_tile(Matrix<const uint8_t> x, int64_t first_row, Matrix<const uint8_t> y,
                                              int64_t first_column, uint32_t (&sums)[kMicro][kMicro]) {
  cuda::sum_tile<uint32_t>(cuda::ByteRows(x), first_row, cuda::ByteRows(y), first_column, sums,
                           [](uint32_t sum, uint32_t a, uint32_t b) { return add_differences(sum, a, b); });
}

__global__ void __launch_bounds__(kTileThreads, cuda::resident_blocks<kMicro>())
    l1_kernel(Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out) {
  const Tile own;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * Tile::kColumns;
  for (int64_t first_row = static_cast<int64_t>(blockIdx.y) * Tile::kRows; first_row < x.rows;
       first_row += static_cast<int64_t>(gridDim.y) * Tile::kRows) {
    uint32_t sums[kMicro][kMicro];
    distance_tile(x, first_row, y, first_column, sums);
#pragma unroll
    for (int i = 0; i < kMicro; ++i) {
      const int64_t row = first_row + own.row(i);
      if (row >= x.rows) break;
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const int64_t column = first_column + own.column(j);
        if (column < y.rows) out.data[row * out.stride + column] = static_cast<int32_t>(sums[i][j]);
      }
    }
  }
}

/// Minima of columns over rows [part * rows_per_part, ...) of x, part by part: values and places [parts, n].
__global__ void __launch_bounds__(kTileThreads, cuda::resident_blocks<kMicro>())
    sweep_kernel(float scale, Matrix<const uint8_t> x, const float* phi, Matrix<const uint8_t> y, int64_t rows_per_part,
                 float* values, int32_t* places) {
  const Tile own;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * Tile::kColumns;
  const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);
  cuda::ColumnFold<kMicro, Minimum> minima(cuda::no_minimum());
  for (int64_t first_row = begin; first_row < end; first_row += Tile::kRows) {
    uint32_t sums[kMicro][kMicro];
    distance_tile(x, first_row, y, first_column, sums);
    Minimum of_tile[kMicro];
#pragma unroll
    for (Minimum& minimum : of_tile) minimum = cuda::no_minimum();
#pragma unroll
    for (int i = 0; i < kMicro; ++i) {
      const int64_t row = min(first_row + own.row(i), end - 1);
      const float potential = phi[row];
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const float cost = __fmul_rn(scale, static_cast<float>(sums[i][j]));  // not fused: the CPU's bits
        of_tile[j].join({cost - potential, static_cast<int32_t>(row)});
      }
    }
    minima.take(of_tile, cuda::JoinMinima());
  }
  const Minimum minimum = minima.total(cuda::no_minimum(), cuda::JoinMinima());
  const int64_t column = first_column + threadIdx.x;
  if (threadIdx.x >= Tile::kColumns || column >= y.rows) return;
  values[blockIdx.y * y.rows + column] = minimum.value;
  places[blockIdx.y * y.rows + column] = minimum.place;
}

}  // namespace

void l1_bytes(CudaStream& stream, Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out) {
  check_l1_bytes(x, y, out);
  if (x.rows == 0 || y.rows == 0) return;
  const dim3 blocks(static_cast<unsigned>(cuda::ceil_div(y.rows, Tile::kColumns)),
                    static_cast<unsigned>(std::min<int64_t>(65535, cuda::ceil_div(x.rows, Tile::kRows))));
  cuda::launch(stream, l1_kernel, blocks, kTileThreads, x, y, out);
}

void c_transform_bytes(CudaStream& stream, float scale, Matrix<const uint8_t> x, Vector<const float> phi,
                       Matrix<const uint8_t> y, Vector<float> out, Vector<int32_t> argmin) {
  check_c_transform_bytes(x, phi, y, out, argmin);
  if (y.rows == 0) return;
  const cuda::Sweep over(x.rows, y.rows, 1, Tile::kRows, Tile::kColumns);
  float* values = out.data;
  int32_t* places = argmin.data;
  if (over.parts > 1) {
    values = static_cast<float*>(
        stream.workspace(static_cast<size_t>(over.parts * out.size) * (sizeof(float) + sizeof(int32_t))));
    places = reinterpret_cast<int32_t*>(values + over.parts * out.size);
  }
  cuda::launch(stream, sweep_kernel, over.blocks(), kTileThreads, scale, x, phi.data, y, over.rows_per_part, values,
               places);
  if (over.parts > 1)
    cuda::launch(stream, cuda::join_parts_kernel, cuda::blocks_for(stream, out.size, kTileThreads), kTileThreads,
                 over.parts, values, places, out, argmin.data);
}

}  // namespace wasserkern
