#pragma once

#include <algorithm>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/elementwise.h"

namespace wasserkern::cuda {

template <int N>
__device__ __forceinline__ Pack<N> load(Broadcast x, int64_t row, int64_t column) {
  const float* from = x.data + row * x.row_stride;
  if (x.column_stride) return Pack<N>::load(from + column);
  Pack<N> same;
  for (int i = 0; i < N; ++i) same[i] = *from;
  return same;
}

/// out = f(operands...), element by element. The x dimension of blocks and grid runs along columns, y along rows.
/// Its limit is memory: 4 bytes per element for out and for each operand that is not broadcast.
template <int N, class Function, class... Operands>
__global__ void map_kernel(Function f, Matrix<float> out, Operands... operands) {
  const int64_t row_step = static_cast<int64_t>(gridDim.y) * blockDim.y;
  for (int64_t row = static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y; row < out.rows; row += row_step) {
    for_each_pack<N>(out.columns, grid_thread(), grid_threads(), [&]<int W>(Width<W>, int64_t column) {
      apply<W>(f, load<W>(operands, row, column)...).store(out.data + row * out.stride + column);
    });
  }
}

/// out = f(operands...), element by element; every operand is a Broadcast. Contiguous ones become one long row.
template <class Function, class... Operands>
void map(CudaStream& stream, Function f, Matrix<float> out, Operands... operands) {
  if (out.rows == 0 || out.columns == 0) return;
  [[maybe_unused]] const auto flat = [&](const Broadcast& x) {
    return x.column_stride ? x.row_stride == out.columns : x.row_stride == 0;
  };
  if (out.stride == out.columns && (flat(operands) && ...)) out = {out.data, 1, out.rows * out.columns};

  [[maybe_unused]] const auto rows_packable = [&](const Broadcast& x) {
    return !x.column_stride || (packable(x.data) && (out.rows == 1 || x.row_stride % 4 == 0));
  };
  const bool wide = packable(out) && (rows_packable(operands) && ...);

  constexpr int kThreads = 256;
  const int64_t packs = ceil_div(out.columns, wide ? 4 : 1);
  const dim3 threads = row_block(packs, kThreads);
  const unsigned across = blocks_for(stream, packs * threads.y, kThreads);
  const unsigned all = blocks_for(stream, ceil_div(out.rows, threads.y) * across * kThreads, kThreads);
  const dim3 blocks(across, std::clamp(all / across, 1u, 65535u));
  if (wide)
    launch(stream, map_kernel<4, Function, Operands...>, blocks, threads, f, out, operands...);
  else
    launch(stream, map_kernel<1, Function, Operands...>, blocks, threads, f, out, operands...);
}

}  // namespace wasserkern::cuda
