#pragma once

#include <cstdint>

#include "kernels/cuda/filter_bounds.cuh"
#include "kernels/cuda/filter_columns.cuh"
#include "kernels/cuda/pack.cuh"

// A panel of products that cuBLAS made, while it is in the L2 cache.
//
// Limit: 4 bytes of L2 a pair, read 16 at a time.

namespace wasserkern::cuda {

constexpr int kPanelThreads = 128;
constexpr int kPanelRows = 16;  // of a block

/// Candidates: every `step`-th row of x from `first` on.
struct Candidates {
  int64_t first;
  int64_t step;
  const float* norms;  // of all rows of x
  const float* phi;
};

/// Lowers promises by a panel of products [rows, padded columns], whose width is a multiple of four; keeps the
/// survivors unless they are only sampled. Blocks: x counts packs of columns, y kPanelRows rows each.
template <class Form>
__global__ void __launch_bounds__(kPanelThreads)
    filter_product_kernel(ValueBounds<Form> bounds, Matrix<const float> products, Candidates candidates,
                          FilterColumns columns, bool keep) {
  const int64_t column = grid_thread() * 4;
  if (column >= products.columns) return;
  const auto norms = Pack<4>::load(columns.norms + column);
  float promised[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) promised[j] = columns.promised(column + j);

  const int64_t begin = static_cast<int64_t>(blockIdx.y) * kPanelRows, end = min(begin + kPanelRows, products.rows);
#pragma unroll 2
  for (int64_t row = begin; row < end; ++row) {
    const auto product = Pack<4>::load(products.data + row * products.stride + column);
    const int64_t place = candidates.first + row * candidates.step;
    const float norm = candidates.norms[place], phi = candidates.phi[place];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float both = norm + norms[j], distance = bounds.distance(both, product[j]);
      const float least = bounds.proportional() ? bounds.least_by_factor(distance, phi) : bounds.least(distance, phi);
      if (least > promised[j] || column + j >= columns.size) continue;  // not for NaN
      promised[j] = columns.lower(column + j, promised[j], bounds.largest(distance, both, phi));
      if (keep) columns.keep(column + j, {static_cast<int32_t>(place), least});
    }
  }
}

}  // namespace wasserkern::cuda
