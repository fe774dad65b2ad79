#include "kernels/pairwise_cost.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_gradient.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/tile_size.cuh"

namespace wasserkern {
namespace {

/// Equal matrices one below the other, as batched_pairwise_cost takes them.
struct Problems {
  int64_t m;
  int64_t n;
  Matrix<const float> x, y;
  Matrix<float> out;

  __device__ __forceinline__ Matrix<const float> sources(int64_t problem) const {
    return {x.data + problem * m * x.stride, m, x.columns, x.stride};
  }
  __device__ __forceinline__ Matrix<const float> targets(int64_t problem) const {
    return {y.data + problem * n * y.stride, n, y.columns, y.stride};
  }
  __device__ __forceinline__ float* row(int64_t problem, int64_t i) const {
    return out.data + (problem * m + i) * out.stride;
  }
};

/// Blocks: x counts panels of y, y strides over tiles of x, z counts problems from `first_problem` on.
template <int kMicro, class Form>
__global__ void __launch_bounds__(cuda::kTileThreads, cuda::resident_blocks<kMicro>())
    cost_kernel(Form cost, Problems problems, int64_t first_problem) {
  using Tile = cuda::MicroTile<kMicro>;
  const Tile own;
  const int64_t problem = first_problem + blockIdx.z;
  const Matrix<const float> x = problems.sources(problem), y = problems.targets(problem);
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * Tile::kColumns;
  for (int64_t first_row = static_cast<int64_t>(blockIdx.y) * Tile::kRows; first_row < x.rows;
       first_row += static_cast<int64_t>(gridDim.y) * Tile::kRows) {
    float costs[kMicro][kMicro];
    cuda::cost_tile<kMicro>(cost, x, first_row, y, first_column, costs);
#pragma unroll
    for (int i = 0; i < kMicro; ++i) {
      const int64_t row = first_row + own.row(i);
      if (row >= x.rows) break;
      float* const to = problems.row(problem, row);
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const int64_t column = first_column + own.column(j);
        if (column < y.rows) to[column] = costs[i][j];
      }
    }
  }
}

}  // namespace

void batched_pairwise_cost(CudaStream& stream, const Cost& cost, int64_t problems, Matrix<const float> x,
                           Matrix<const float> y, Matrix<float> out) {
  check_batched_pairwise_cost(problems, x, y, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (out.rows == 0 || out.columns == 0) return;
    const Problems all{x.rows / problems, y.rows / problems, x, y, out};
    cuda::with_micro<Form>(all.m, all.n, problems, [&]<int kMicro>() {
      using Tile = cuda::MicroTile<kMicro>;
      constexpr int64_t kMostBlocks = 65535;  // down, and deep
      dim3 blocks(static_cast<unsigned>(cuda::ceil_div(all.n, Tile::kColumns)),
                  static_cast<unsigned>(std::min(cuda::ceil_div(all.m, Tile::kRows), kMostBlocks)));
      for (int64_t first = 0; first < problems; first += kMostBlocks) {
        blocks.z = static_cast<unsigned>(std::min(problems - first, kMostBlocks));
        cuda::launch(stream, cost_kernel<kMicro, Form>, blocks, cuda::kTileThreads, form, all, first);
      }
    });
  });
}

void pairwise_cost(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                   Matrix<float> out) {
  check_pairwise_cost(x, y, out);
  batched_pairwise_cost(stream, cost, 1, x, y, out);
}

// Tiles of y are laid out in shared memory anyway.
int64_t packed_targets_size(CudaStream&, Matrix<const float>) { return 0; }

void pack_targets(CudaStream&, Matrix<const float>, Vector<float> packed) {
  check_equal("pack_targets: size of packed", packed.size, 0);
}

void pairwise_cost_packed(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                          Vector<const float> packed, Matrix<float> out) {
  check_equal("pairwise_cost_packed: size of packed", packed.size, 0);
  pairwise_cost(stream, cost, x, y, out);
}

void pairwise_cost_gradient(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                            Factor weights, Matrix<float> out) {
  check_pairwise_cost_gradient(x, y, weights, out);
  cuda::weighted_gradient(stream, cost, x, y, cuda::GivenWeights{cuda::Weights(weights)}, out);
}

}  // namespace wasserkern
