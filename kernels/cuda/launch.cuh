#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/cuda/check.h"
#include "kernels/cuda/handles.h"
#include "kernels/stream.h"

namespace wasserkern::cuda {

inline int64_t ceil_div(int64_t x, int64_t y) { return (x + y - 1) / y; }

/// Blocks that fill any GPU: three for each of the 132 multiprocessors of an H100, as registers allow.
constexpr int64_t kEnoughBlocks = 396;

/// Blocks for a grid-stride loop over `items`: enough to fill the GPU, no more. Results must not depend on it.
inline unsigned blocks_for(CudaStream& stream, int64_t items, int threads) {
  const int64_t resident = int64_t{stream.handles().multiprocessors} * (2048 / threads);
  return static_cast<unsigned>(std::clamp<int64_t>(ceil_div(items, threads), 1, resident));
}

/// A block for rows of `items`: its x dimension runs along a row, and narrow rows share it along y.
inline dim3 row_block(int64_t items, int threads) {
  const auto along =
      static_cast<unsigned>(std::min(static_cast<uint64_t>(threads), std::bit_ceil(static_cast<uint64_t>(items))));
  return dim3(along, threads / along);
}

/// Starts a kernel on the stream's device, with so many bytes of shared memory that its arguments decide, at most 48
/// KiB; throws DeviceError when it cannot start.
template <class... Parameters, class... Arguments>
void launch_shared(CudaStream& stream, void (*kernel)(Parameters...), dim3 blocks, dim3 threads, size_t shared_bytes,
                   Arguments&&... arguments) {
  check(cudaSetDevice(stream.handles().device), "cudaSetDevice");
  kernel<<<blocks, threads, shared_bytes, stream.handles().stream>>>(static_cast<Parameters>(arguments)...);
  check(cudaGetLastError(), "kernel launch");
}

/// The same of a kernel whose shared memory is all static.
template <class... Parameters, class... Arguments>
void launch(CudaStream& stream, void (*kernel)(Parameters...), dim3 blocks, dim3 threads, Arguments&&... arguments) {
  launch_shared(stream, kernel, blocks, threads, 0, static_cast<Arguments&&>(arguments)...);
}

/// This thread's place in a grid-stride loop over a one-dimensional grid.
__device__ __forceinline__ int64_t grid_thread() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ __forceinline__ int64_t grid_threads() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

}  // namespace wasserkern::cuda
