#include "kernels/rows.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/warp.cuh"

namespace wasserkern {
namespace {

/// One block per row of out, one thread per column.
__global__ void gather_kernel(Matrix<const float> x, const int32_t* index, Matrix<float> out) {
  for (int64_t j = blockIdx.x; j < out.rows; j += gridDim.x) {
    const float* from = x.data + index[j] * x.stride;
    for (int64_t k = threadIdx.x; k < out.columns; k += blockDim.x) out.data[j * out.stride + k] = from[k];
  }
}

/// One block of whole warps per row of out. Every warp looks through the whole index, 32 at a time, and adds the rows
/// it finds in their order to the columns that are its threads' own.
__global__ void scatter_kernel(Matrix<const float> x, const int32_t* index, Matrix<float> out) {
  const int64_t lane = threadIdx.x % cuda::kWarp;
  for (int64_t i = blockIdx.x; i < out.rows; i += gridDim.x) {
    float* to = out.data + i * out.stride;
    for (int64_t k = threadIdx.x; k < out.columns; k += blockDim.x) to[k] = 0;
    for (int64_t begin = 0; begin < x.rows; begin += cuda::kWarp) {
      const bool mine = begin + lane < x.rows && index[begin + lane] == i;
      for (unsigned found = __ballot_sync(0xFFFFFFFF, mine); found; found &= found - 1) {
        const float* from = x.data + (begin + __ffs(found) - 1) * x.stride;
        for (int64_t k = threadIdx.x; k < out.columns; k += blockDim.x) to[k] += from[k];
      }
    }
  }
}

/// Threads for a row: whole warps, as many as it has columns for.
int threads_for(Matrix<float> out) {
  return static_cast<int>(std::min<int64_t>(256, cuda::ceil_div(out.columns, cuda::kWarp) * cuda::kWarp));
}

}  // namespace

void gather_rows(CudaStream& stream, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out) {
  check_gather_rows(x, index, out);
  if (out.rows == 0 || out.columns == 0) return;
  const int threads = threads_for(out);
  cuda::launch(stream, gather_kernel, cuda::blocks_for(stream, out.rows * threads, threads), threads, x, index.data,
               out);
}

void scatter_rows(CudaStream& stream, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out) {
  check_scatter_rows(x, index, out);
  if (out.rows == 0 || out.columns == 0) return;
  const int threads = threads_for(out);
  cuda::launch(stream, scatter_kernel, cuda::blocks_for(stream, out.rows * threads, threads), threads, x, index.data,
               out);
}

}  // namespace wasserkern
