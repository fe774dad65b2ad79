#include "kernels/check.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/warp.cuh"
#include "kernels/rows.h"

namespace wasserkern {
namespace {

constexpr int kThreads = 256;

/// One block per row of out, one thread per column.
__global__ void gather_kernel(Matrix<const float> x, const int32_t* index, Matrix<float> out) {
  for (int64_t j = blockIdx.x; j < out.rows; j += gridDim.x) {
    const float* from = x.data + index[j] * x.stride;
    for (int64_t k = threadIdx.x; k < out.columns; k += kThreads) out.data[j * out.stride + k] = from[k];
  }
}

/// One block per row of out. Every warp looks through the whole index, 32 at a time, and adds the rows it finds in
/// their order to the columns that are its threads' own.
__global__ void scatter_kernel(Matrix<const float> x, const int32_t* index, Matrix<float> out) {
  const int64_t lane = threadIdx.x % cuda::kWarp;
  for (int64_t i = blockIdx.x; i < out.rows; i += gridDim.x) {
    float* to = out.data + i * out.stride;
    for (int64_t k = threadIdx.x; k < out.columns; k += kThreads) to[k] = 0;
    for (int64_t begin = 0; begin < x.rows; begin += cuda::kWarp) {
      const bool mine = begin + lane < x.rows && index[begin + lane] == i;
      for (unsigned found = __ballot_sync(0xFFFFFFFF, mine); found; found &= found - 1) {
        const float* from = x.data + (begin + __ffs(found) - 1) * x.stride;
        for (int64_t k = threadIdx.x; k < out.columns; k += kThreads) to[k] += from[k];
      }
    }
  }
}

unsigned block_per_row(CudaStream& stream, Matrix<float> out) {
  return cuda::blocks_for(stream, out.rows * kThreads, kThreads);
}

}  // namespace

void gather_rows(CudaStream& stream, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out) {
  check_equal("gather_rows: rows of out", out.rows, index.size);
  check_equal("gather_rows: columns of out", out.columns, x.columns);
  if (out.rows == 0 || out.columns == 0) return;
  cuda::launch(stream, gather_kernel, block_per_row(stream, out), kThreads, x, index.data, out);
}

void scatter_rows(CudaStream& stream, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out) {
  check_equal("scatter_rows: size of index", index.size, x.rows);
  check_equal("scatter_rows: columns of out", out.columns, x.columns);
  if (out.rows == 0 || out.columns == 0) return;
  cuda::launch(stream, scatter_kernel, block_per_row(stream, out), kThreads, x, index.data, out);
}

}  // namespace wasserkern
