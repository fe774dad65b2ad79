#include "kernels/c_transform.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/c_transform_filter.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/minimum.cuh"
#include "kernels/cuda/pair_tile.cuh"

namespace wasserkern {
namespace {

// A block keeps a panel of y and sweeps over x, tile by tile. A thread keeps the minimum of its columns; the block's
// threads join theirs at the end of the sweep. Where panels of y are too few to fill the GPU, several blocks divide x
// and a second kernel joins their minima. A pair is always summed in the order of its coordinates and minima do not
// depend on the order of joining, so neither choice changes a bit.

using cuda::kSide, cuda::kTileThreads, cuda::Minimum;

/// Equal c-transforms side by side, as batched_c_transform takes them.
struct Problems {
  int64_t m;
  int64_t n;
  Matrix<const float> x;
  const float* phi;
  Matrix<const float> y;

  __device__ __forceinline__ Matrix<const float> candidates(int64_t problem) const {
    return {x.data + problem * m * x.stride, m, x.columns, x.stride};
  }
  __device__ __forceinline__ Matrix<const float> points(int64_t problem) const {
    return {y.data + problem * n * y.stride, n, y.columns, y.stride};
  }
};

/// Minima of columns over rows [part * rows_per_part, ...) of x, part by part: values and places [parts, problems n].
/// Blocks: x counts panels, y parts, z problems.
template <int kMicro, class Form>
__global__ void __launch_bounds__(kTileThreads)
    sweep_kernel(Form cost, Problems problems, int64_t count, int64_t rows_per_part, float* values, int32_t* places) {
  constexpr int kTile = kSide * kMicro;
  const cuda::MicroTile<kMicro> own;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * kTile;

  for (int64_t problem = blockIdx.z; problem < count; problem += gridDim.z) {
    const Matrix<const float> x = problems.candidates(problem), y = problems.points(problem);
    const float* phi = problems.phi + problem * problems.m;
    const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);
    Minimum minima[kMicro];
    for (int j = 0; j < kMicro; ++j) minima[j] = cuda::no_minimum();
    for (int64_t first_row = begin; first_row < end; first_row += kTile) {
      float sums[kMicro][kMicro];
      cuda::fill_tile<kMicro>(cost, x, first_row, y, first_column, sums);
#pragma unroll
      for (int i = 0; i < kMicro; ++i) {
        const int64_t row = first_row + own.down + i;
        if (row >= end) break;
#pragma unroll
        for (int j = 0; j < kMicro; ++j) {
          const int64_t column = min(first_column + own.across + j, y.rows - 1);
          minima[j].join({cuda::cost_of(cost, x, y, row, column, sums[i][j]) - phi[row], static_cast<int32_t>(row)});
        }
      }
    }
    __syncthreads();  // the minima of the problem before have been read
    const Minimum minimum = cuda::join_tile(minima);
    const int64_t column = first_column + threadIdx.x;
    if (threadIdx.x >= kTile || column >= y.rows) continue;
    const int64_t at = (blockIdx.y * count + problem) * y.rows + column;
    values[at] = minimum.value;
    places[at] = minimum.place;
  }
}

template <int kMicro, class Form>
void sweep(CudaStream& stream, const Form& cost, const Problems& problems, int64_t count, Vector<float> out,
           int32_t* argmin) {
  constexpr int kTile = kSide * kMicro;
  constexpr int64_t kBlocksPerMultiprocessor = 4, kMostBlocksDeep = 65535;
  const int64_t panels = cuda::ceil_div(problems.n, kTile), tiles = cuda::ceil_div(problems.m, kTile);
  const int64_t wanted = stream.handles().multiprocessors * kBlocksPerMultiprocessor / (panels * count);
  const int64_t tiles_per_part = cuda::ceil_div(tiles, std::clamp<int64_t>(wanted, 1, tiles));
  const int64_t parts = cuda::ceil_div(tiles, tiles_per_part);

  float* values = out.data;
  int32_t* places = argmin;
  if (parts > 1) {
    values = static_cast<float*>(
        stream.workspace(static_cast<size_t>(parts * out.size) * (sizeof(float) + sizeof(int32_t))));
    places = reinterpret_cast<int32_t*>(values + parts * out.size);
  }
  const dim3 blocks(static_cast<unsigned>(panels), static_cast<unsigned>(parts),
                    static_cast<unsigned>(std::min(count, kMostBlocksDeep)));
  cuda::launch(stream, sweep_kernel<kMicro, Form>, blocks, kTileThreads, cost, problems, count, tiles_per_part * kTile,
               values, places);
  if (parts > 1)
    cuda::launch(stream, cuda::join_parts_kernel, cuda::blocks_for(stream, out.size, kTileThreads), kTileThreads, parts,
                 values, places, out, argmin);
}

}  // namespace

void batched_c_transform(CudaStream& stream, const Cost& cost, int64_t problems, Matrix<const float> x,
                         Vector<const float> phi, Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  check_batched_c_transform(problems, x, phi, y, out, argmin);
  if (problems == 1)
    if (const FilterRoute route = filter_route(stream, cost, x.rows, y.rows, x.columns); route != FilterRoute::Direct)
      return filtered_c_transform(stream, route, cost, x, phi, y, out, argmin);

  // Large tiles read less, small ones spread a small problem over the GPU.
  constexpr int kLarge = 4, kSmall = 1;
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (y.rows == 0) return;
    const Problems all{x.rows / problems, y.rows / problems, x, phi.data, y};
    const int64_t large_tiles =
        cuda::ceil_div(all.m, kLarge * kSide) * cuda::ceil_div(all.n, kLarge * kSide) * problems;
    if (large_tiles >= stream.handles().multiprocessors)
      sweep<kLarge>(stream, form, all, problems, out, argmin.data);
    else
      sweep<kSmall>(stream, form, all, problems, out, argmin.data);
  });
}

void c_transform(CudaStream& stream, const Cost& cost, Matrix<const float> x, Vector<const float> phi,
                 Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  check_c_transform(x, phi, y, out, argmin);
  batched_c_transform(stream, cost, 1, x, phi, y, out, argmin);
}

}  // namespace wasserkern
