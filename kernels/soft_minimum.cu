#include "kernels/soft_minimum.h"

#include "kernels/cuda/lane_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/tile_size.cuh"
#include "kernels/cuda/warp.cuh"
#include "kernels/soft_minimum_contracts.h"
#include "kernels/soft_sum.h"

namespace wasserkern {
namespace {

using cuda::kWarp;

constexpr int kThreadRows = 8;   // of a block: a warp is a row of it
constexpr int kAtOnce = 4;       // values between two looks for their largest
constexpr int kPanelRows = 128;  // that are worth a part of a column's sum
using Sum = SoftSum<float>;

/// Equal problems, one under another as they lie in memory.
struct Problems {
  Matrix<const float> costs;
  const float* phi;
  int64_t rows;  // of a problem
  float epsilon;
  float scale;
};

/// value(i) for i = first, first + apart, ... below `end`.
template <class Value>
__device__ __forceinline__ Sum sum_every(int64_t first, int64_t end, int64_t apart, float scale, Value value) {
  Sum sum = Sum::none();
  for (int64_t i = first; i < end; i += kAtOnce * apart) {
    float values[kAtOnce], largest = sum.largest;
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      values[k] = i + k * apart < end ? value(i + k * apart) : -HUGE_VALF;
      largest = Sum::larger_of(largest, values[k]);
    }
    sum.raise(largest, scale);
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) sum.add(values[k], scale);
  }
  return sum;
}

/// The sums of a part of the rows, for every column: [parts, problems columns]. A lane has a column, a warp of the
/// block every eighth row; blocks count panels of columns, parts, and problems. Limit: one exp2 for a pair, and its
/// cost read.
__global__ void columns_kernel(Problems problems, cuda::Sweep over, int64_t count, Sum* parts) {
  const int64_t panel = blockIdx.x % over.panels, part = blockIdx.x / over.panels % over.parts;
  const int64_t problem = blockIdx.x / over.panels / over.parts, columns = problems.costs.columns;
  const int64_t column = panel * kWarp + threadIdx.x;
  const int64_t begin = part * over.rows_per_part, end = min(begin + over.rows_per_part, problems.rows);
  const float* costs = problems.costs.data + problem * problems.rows * problems.costs.stride + column;
  const float* phi = problems.phi + problem * problems.rows;
  __shared__ Sum sums[kThreadRows][kWarp];
  sums[threadIdx.y][threadIdx.x] =
      column < columns ? sum_every(begin + threadIdx.y, end, kThreadRows, problems.scale,
                                   [&](int64_t row) { return phi[row] - costs[row * problems.costs.stride]; })
                       : Sum::none();
  __syncthreads();
  if (threadIdx.y > 0 || column >= columns) return;
  Sum total = sums[0][threadIdx.x];
  for (int row = 1; row < kThreadRows; ++row) total.join(sums[row][threadIdx.x], problems.scale);
  parts[(part * count + problem) * columns + column] = total;
}

__global__ void join_kernel(Problems problems, int64_t parts, const Sum* sums, Vector<float> out) {
  for (int64_t at = cuda::grid_thread(); at < out.size; at += cuda::grid_threads()) {
    Sum total = sums[at];
    for (int64_t part = 1; part < parts; ++part) total.join(sums[part * out.size + at], problems.scale);
    out.data[at] = soft_minimum(total, problems.rows, problems.epsilon);
  }
}

/// A warp for every row: the minimum over its columns.
__global__ void rows_kernel(Problems problems, Vector<float> out) {
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kThreadRows + threadIdx.y, columns = problems.costs.columns;
  if (row >= out.size) return;
  const float* costs = problems.costs.data + row * problems.costs.stride;
  const float* phi = problems.phi + row / problems.rows * columns;
  Sum sum = sum_every(threadIdx.x, columns, kWarp, problems.scale,
                      [&](int64_t column) { return phi[column] - costs[column]; });
  for (int apart = 1; apart < kWarp; apart *= 2) sum.join(cuda::of_lane(sum, apart), problems.scale);
  if (threadIdx.x == 0) out.data[row] = soft_minimum(sum, columns, problems.epsilon);
}

}  // namespace

void soft_minimum(CudaStream& stream, float epsilon, int64_t problems, Factor costs, Vector<const float> phi,
                  Vector<float> out) {
  check_soft_minimum(epsilon, problems, costs, phi, out);
  if (out.size == 0) return;
  const int64_t rows = costs.matrix.rows / problems;
  const Problems all{costs.matrix, phi.data, rows, epsilon, soft_sum_scale(epsilon)};
  const dim3 threads(kWarp, kThreadRows);
  if (costs.transposed)
    return cuda::launch(stream, rows_kernel, static_cast<unsigned>(cuda::ceil_div(out.size, kThreadRows)), threads, all,
                        out);
  const cuda::Sweep over(rows, costs.matrix.columns, problems, kPanelRows, kWarp);
  auto* parts = static_cast<Sum*>(stream.workspace(static_cast<size_t>(over.parts * out.size) * sizeof(Sum)));
  cuda::launch(stream, columns_kernel, static_cast<unsigned>(over.panels * over.parts * problems), threads, all, over,
               problems, parts);
  cuda::launch(stream, join_kernel, cuda::blocks_for(stream, out.size, 256), 256, all, over.parts, parts, out);
}

}  // namespace wasserkern
