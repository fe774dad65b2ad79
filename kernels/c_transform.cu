#include "kernels/c_transform.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/c_transform_filter.h"
#include "kernels/cuda/column_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/minimum.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/tile_size.cuh"

namespace wasserkern {
namespace {

// A block keeps a panel of y and sweeps over x, tile by tile. A thread keeps the minimum of its columns; the block's
// threads join theirs at the end of the sweep. Where panels of y are too few to fill the GPU, several blocks divide x
// and a second kernel joins their minima. A pair is always summed in the order of its coordinates and minima do not
// depend on the order of joining, so neither choice changes a bit.

using cuda::kTileThreads, cuda::Minimum;

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
/// Blocks: x counts panels, y parts, z problems from `first_problem` of `count` on.
template <int kMicro, class Form>
__global__ void __launch_bounds__(kTileThreads, cuda::resident_blocks<kMicro>())
    sweep_kernel(Form cost, Problems problems, int64_t first_problem, int64_t count, int64_t rows_per_part,
                 float* values, int32_t* places) {
  using Tile = cuda::MicroTile<kMicro>;
  const Tile own;
  const int64_t problem = first_problem + blockIdx.z;
  const Matrix<const float> x = problems.candidates(problem), y = problems.points(problem);
  const float* phi = problems.phi + problem * problems.m;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * Tile::kColumns;
  const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);
  cuda::ColumnFold<kMicro, Minimum> minima(cuda::no_minimum());
  for (int64_t first_row = begin; first_row < end; first_row += Tile::kRows) {
    float costs[kMicro][kMicro];
    cuda::cost_tile<kMicro>(cost, x, first_row, y, first_column, costs);
    Minimum of_tile[kMicro];
#pragma unroll
    for (Minimum& minimum : of_tile) minimum = cuda::no_minimum();
#pragma unroll
    for (int i = 0; i < kMicro; ++i) {
      const int64_t row = min(first_row + own.row(i), end - 1);
      const float potential = phi[row];
#pragma unroll
      for (int j = 0; j < kMicro; ++j)  // not fused with the cost's last factor: other routes have the same bits
        of_tile[j].join({__fsub_rn(costs[i][j], potential), static_cast<int32_t>(row)});
    }
    minima.take(of_tile, cuda::JoinMinima());
  }
  const Minimum minimum = minima.total(cuda::no_minimum(), cuda::JoinMinima());
  const int64_t column = first_column + threadIdx.x;
  if (threadIdx.x >= Tile::kColumns || column >= y.rows) return;
  const int64_t at = (blockIdx.y * count + problem) * y.rows + column;
  values[at] = minimum.value;
  places[at] = minimum.place;
}

template <int kMicro, class Form>
void sweep(CudaStream& stream, const Form& cost, const Problems& problems, int64_t count, Vector<float> out,
           int32_t* argmin) {
  using Tile = cuda::MicroTile<kMicro>;
  const cuda::Sweep over(problems.m, problems.n, count, Tile::kRows, Tile::kColumns);
  float* values = out.data;
  int32_t* places = argmin;
  if (over.parts > 1) {
    values = static_cast<float*>(
        stream.workspace(static_cast<size_t>(over.parts * out.size) * (sizeof(float) + sizeof(int32_t))));
    places = reinterpret_cast<int32_t*>(values + over.parts * out.size);
  }
  constexpr int64_t kMostAtOnce = 65535;
  for (int64_t first = 0; first < count; first += kMostAtOnce)
    cuda::launch(stream, sweep_kernel<kMicro, Form>, over.blocks(std::min(count - first, kMostAtOnce)), kTileThreads,
                 cost, problems, first, count, over.rows_per_part, values, places);
  if (over.parts > 1)
    cuda::launch(stream, cuda::join_parts_kernel, cuda::blocks_for(stream, out.size, kTileThreads), kTileThreads,
                 over.parts, values, places, out, argmin);
}

}  // namespace

void batched_c_transform(CudaStream& stream, const Cost& cost, int64_t problems, Matrix<const float> x,
                         Vector<const float> phi, Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  check_batched_c_transform(problems, x, phi, y, out, argmin);
  if (problems == 1)
    if (const FilterRoute route = filter_route(stream, cost, x.rows, y.rows, x.columns); route != FilterRoute::Direct)
      return filtered_c_transform(stream, route, cost, x, phi, y, out, argmin);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (y.rows == 0) return;
    const Problems all{x.rows / problems, y.rows / problems, x, phi.data, y};
    cuda::with_micro<Form>(all.m, all.n, problems,
                           [&]<int kMicro>() { sweep<kMicro>(stream, form, all, problems, out, argmin.data); });
  });
}

void c_transform(CudaStream& stream, const Cost& cost, Matrix<const float> x, Vector<const float> phi,
                 Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  check_c_transform(x, phi, y, out, argmin);
  batched_c_transform(stream, cost, 1, x, phi, y, out, argmin);
}

}  // namespace wasserkern
