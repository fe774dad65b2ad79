#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_pull.h"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/tile_size.cuh"

// out_j = sum_i w(i, j) (d/dy) c(x_i, y_j) over all pairs, for weights from wherever they come. Where slopes or weights
// depend on the costs, a first kernel leaves them in scratch for a slice of x at a time, and the pull runs over slices.

namespace wasserkern::cuda {

/// A source of weights that are given.
struct GivenWeights {
  static constexpr bool kNeedsCosts = false;
  Weights given;

  __device__ __forceinline__ float operator()(int64_t row, int64_t column, float) const {
    return given.data[row * given.row_step + column * given.column_step];
  }
};

/// The weights of rows [first_row, first_row + rows) of x times what their slopes have in common, and the slopes if
/// they are wanted; both [rows, n]. Blocks: x counts panels of y, y tiles of x.
template <int kMicro, class Form, class Source>
__global__ void __launch_bounds__(kTileThreads, resident_blocks<kMicro>())
    weights_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, Source source, int64_t first_row,
                   int64_t rows, float* weights, SlopeOf<Form>* slopes) {
  using Tile = MicroTile<kMicro>;
  const Tile own;
  const int64_t tile_row = first_row + static_cast<int64_t>(blockIdx.y) * Tile::kRows;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * Tile::kColumns;
  const auto store = [&](int64_t row, int64_t column, PairSum pair) {
    if (row >= first_row + rows || column >= y.rows) return;
    float weight = source(row, column, cost.finish(pair.sum, pair.unit));
    const int64_t at = (row - first_row) * y.rows + column;
    if (slopes) {
      const SlopeOf<Form> slope = cost.slope(pair.sum, pair.unit);
      slopes[at] = slope;
      weight *= slope.first;
    }
    weights[at] = weight;
  };

  float sums[kMicro][kMicro];
  fill_tile<kMicro>(cost, x, tile_row, y, first_column, sums);
  const uint64_t bits = doubtful<kMicro>(cost, sums);
  for_each_row(sums, [&](int i, const float(&row)[kMicro]) {
#pragma unroll
    for (int j = 0; j < kMicro; ++j) store(tile_row + own.row(i), first_column + own.column(j), {row[j], 1});
  });
  for_each_careful<kMicro>(cost, x, tile_row, y, first_column, bits,
                           [&](int, int64_t row, int64_t column, PairSum pair) { store(row, column, pair); });
}

/// out_j = sum_i source(i, j, c(x_i, y_j)) (d/dy) c(x_i, y_j). In scratch there is a slice of x, not all pairs.
template <class Source>
void weighted_gradient(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                       const Source& source, Matrix<float> out) {
  if (out.rows == 0 || out.columns == 0) return;
  const auto floats = [&](int64_t count) {
    return static_cast<float*>(stream.workspace(static_cast<size_t>(count) * sizeof(float)));
  };
  const auto from_costs = [&]<class Form>(const Form& form) {
    const bool slopes_needed = form.slope_needs_sum();
    if constexpr (!Source::kNeedsCosts)
      if (!slopes_needed || x.rows == 0) {
        const PullPlan plan(x.rows, out.rows, out.columns);
        return pull_rows(stream, cost, x, y, source.given, nullptr, plan, floats(plan.floats(out)), false, out);
      }

    constexpr int64_t kScratchFloats = int64_t{1} << 23, kMostRows = 1 << 19, kStep = 64;
    constexpr int64_t kSlopeFloats = sizeof(SlopeOf<Form>) / sizeof(float);
    const int64_t pair_floats = 1 + (slopes_needed ? kSlopeFloats : 0);
    const int64_t fitting = std::min(kMostRows, kScratchFloats / (y.rows * pair_floats)) / kStep * kStep;
    const int64_t slice = std::clamp<int64_t>(x.rows, 1, std::max(fitting, kStep));
    const PullPlan plan(slice, out.rows, out.columns);
    const int64_t pairs = ceil_div(slice * y.rows, 16) * 16;
    float* weights = floats(pairs * pair_floats + plan.floats(out));
    auto* slopes = slopes_needed ? reinterpret_cast<SlopeOf<Form>*>(weights + pairs) : nullptr;
    int64_t first = 0;
    do {
      const int64_t rows = std::min(slice, x.rows - first);
      if (rows > 0)
        with_micro<Form>(rows, y.rows, 1, [&]<int kMicro>() {
          using Tile = MicroTile<kMicro>;
          const dim3 blocks(static_cast<unsigned>(ceil_div(y.rows, Tile::kColumns)),
                            static_cast<unsigned>(ceil_div(rows, Tile::kRows)));
          launch(stream, weights_kernel<kMicro, Form, Source>, blocks, kTileThreads, form, x, y, source, first, rows,
                 weights, slopes);
        });
      pull_rows(stream, cost, Matrix<const float>{x.data + first * x.stride, rows, x.columns, x.stride}, y,
                Weights(Factor{{weights, rows, y.rows}}), slopes, plan, weights + pairs * pair_floats, first > 0, out);
      first += slice;
    } while (first < x.rows);
  };
  visit_cost(cost, from_costs);
}

}  // namespace wasserkern::cuda
