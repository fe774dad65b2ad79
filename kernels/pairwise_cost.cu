#include "kernels/pairwise_cost.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_gradient.cuh"
#include "kernels/cuda/pair_tile.cuh"

namespace wasserkern {
namespace {

/// Blocks: x counts panels of y, y strides over tiles of x.
template <int kMicro, class Form>
__global__ void __launch_bounds__(cuda::kTileThreads)
    cost_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, Matrix<float> out) {
  constexpr int kTile = cuda::kSide * kMicro;
  const cuda::MicroTile<kMicro> own;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * kTile;
  for (int64_t first_row = static_cast<int64_t>(blockIdx.y) * kTile; first_row < x.rows;
       first_row += static_cast<int64_t>(gridDim.y) * kTile) {
    float sums[kMicro][kMicro];
    cuda::fill_tile<kMicro>(cost, x, first_row, y, first_column, sums);
#pragma unroll
    for (int i = 0; i < kMicro; ++i)
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const int64_t row = first_row + own.down + i, column = first_column + own.across + j;
        if (row < x.rows && column < y.rows)
          out.data[row * out.stride + column] = cuda::cost_of(cost, x, y, row, column, sums[i][j]);
      }
  }
}

}  // namespace

void pairwise_cost(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                   Matrix<float> out) {
  check_pairwise_cost(x, y, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (out.rows == 0 || out.columns == 0) return;
    cuda::with_micro(stream, x.rows, y.rows, [&]<int kMicro>() {
      dim3 blocks = cuda::tiles_of<kMicro>(y.rows, x.rows);
      blocks.y = std::min(blocks.y, 65535u);
      cuda::launch(stream, cost_kernel<kMicro, Form>, blocks, cuda::kTileThreads, form, x, y, out);
    });
  });
}

void pairwise_cost_gradient(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                            Factor weights, Matrix<float> out) {
  check_pairwise_cost_gradient(x, y, weights, out);
  visit_cost(cost, [&](const auto& form) {
    cuda::weighted_gradient(stream, form, x, y, cuda::GivenWeights{cuda::Weights(weights)}, out);
  });
}

}  // namespace wasserkern
