#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/matmul.h"

// out_j = sum_i w(i, j) (d/dy) c(x_i, y_j) over all pairs, for weights from wherever they come. Where slopes or weights
// depend on the costs, a first kernel leaves them in scratch for a slice of x at a time; a second one, whose blocks
// hold tiles of out, runs over the slice.

namespace wasserkern::cuda {

/// A matrix with two strides.
struct Weights {
  const float* data;
  int64_t row_step;
  int64_t column_step;

  explicit Weights(Factor of)
      : data(of.matrix.data),
        row_step(of.transposed ? 1 : of.matrix.stride),
        column_step(of.transposed ? of.matrix.stride : 1) {}

  Weights from_row(int64_t row) const {
    Weights later = *this;
    later.data += row * row_step;
    return later;
  }
  __device__ __forceinline__ float at(int64_t row, int64_t column) const {
    return data[row * row_step + column * column_step];
  }
};

/// A source of weights that are given.
struct GivenWeights {
  static constexpr bool kNeedsCosts = false;
  Weights given;

  __device__ __forceinline__ float operator()(int64_t row, int64_t column, float) const {
    return given.at(row, column);
  }
};

template <class Form>
using SlopeOf = decltype(Form().slope(1.0f, 1.0f));

/// The weights of rows [first_row, first_row + rows) of x times what their slopes have in common, and the slopes if
/// they are wanted; both [rows, n]. Blocks: x counts panels of y, y tiles of x.
template <int kMicro, class Form, class Source>
__global__ void __launch_bounds__(kTileThreads)
    weights_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, Source source, int64_t first_row,
                   int64_t rows, float* weights, SlopeOf<Form>* slopes) {
  const MicroTile<kMicro> own;
  const int64_t tile_row = first_row + static_cast<int64_t>(blockIdx.y) * kSide * kMicro;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * kSide * kMicro;
  float sums[kMicro][kMicro];
  fill_tile<kMicro>(cost, x, tile_row, y, first_column, sums);
#pragma unroll
  for (int i = 0; i < kMicro; ++i)
#pragma unroll
    for (int j = 0; j < kMicro; ++j) {
      const int64_t row = tile_row + own.down + i, column = first_column + own.across + j;
      if (row >= first_row + rows || column >= y.rows) continue;
      const PairSum pair = exact_sum(cost, x, y, row, column, sums[i][j]);
      const float weight = source(row, column, cost.finish(pair.sum, pair.unit));
      const int64_t at = (row - first_row) * y.rows + column;
      weights[at] = weight;
      if (!slopes) continue;
      slopes[at] = cost.slope(pair.sum, pair.unit);
      weights[at] = weight * slopes[at].first;
    }
}

/// The gradient of a pair in one coordinate, but for its weight; without slopes all pairs have slope(1, 1).
template <bool kSlopes, class Form>
__device__ __forceinline__ float pull(const Form& cost, const SlopeOf<Form>& slope, float x, float y) {
  if constexpr (!kSlopes && requires { cost.inner_derivative(x, y); })
    return cost.inner_derivative(x, y);
  else
    return (kSlopes ? 1.0f : slope.first) * cost.normal(slope, x, y);
}

/// out = pulls of all rows of x, or out += them. Blocks: x counts panels of y, y slabs of coordinates; in a block
/// threads go down the rows of y and across the coordinates.
template <int kMicro, bool kSlopes, class Form>
__global__ void __launch_bounds__(kTileThreads)
    pull_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, Weights weights, const SlopeOf<Form>* slopes,
                bool accumulate, Matrix<float> out) {
  constexpr int kTile = kSide * kMicro;
  __shared__ alignas(16) float weight_slab[kDepth][kTile];
  __shared__ alignas(16) float x_slab[kDepth][kTile];
  __shared__ SlopeOf<Form> slope_slab[kSlopes ? kDepth : 1][kSlopes ? kTile : 1];
  const MicroTile<kMicro> own;
  const int64_t first_point = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t first_coordinate = static_cast<int64_t>(blockIdx.y) * kTile;
  const auto exists = [&](int j, int k) {
    return first_point + own.down + j < y.rows && first_coordinate + own.across + k < y.columns;
  };

  float points[kMicro][kMicro], total[kMicro][kMicro];
  for (int j = 0; j < kMicro; ++j)
    for (int k = 0; k < kMicro; ++k) {
      const int64_t point = first_point + own.down + j, coordinate = first_coordinate + own.across + k;
      points[j][k] = exists(j, k) ? y.data[point * y.stride + coordinate] : 0.0f;
      total[j][k] = exists(j, k) && accumulate ? out.data[point * out.stride + coordinate] : 0.0f;
    }
  if constexpr (!kSlopes) slope_slab[0][0] = cost.slope(1.0f, 1.0f);

  for (int64_t first_row = 0; first_row < x.rows; first_row += kDepth) {
    const int depth = static_cast<int>(min(static_cast<int64_t>(kDepth), x.rows - first_row));
    __syncthreads();  // every thread has read the slabs before
    for (int at = static_cast<int>(threadIdx.x); at < kDepth * kTile; at += kTileThreads) {
      const int row = at / kTile, beside = at % kTile;
      if (row >= depth) break;
      const int64_t coordinate = min(first_coordinate + beside, y.columns - 1);
      const int64_t point = min(first_point + beside, y.rows - 1);
      x_slab[row][beside] = x.data[(first_row + row) * x.stride + coordinate];
      weight_slab[row][beside] = weights.at(first_row + row, point);
      if constexpr (kSlopes) slope_slab[row][beside] = slopes[(first_row + row) * y.rows + point];
    }
    __syncthreads();

    float part[kMicro][kMicro] = {};  // joins the total later, against rounding
    for (int row = 0; row < depth; ++row) {
      const auto weight = Pack<kMicro>::load(&weight_slab[row][own.down]);
      const auto from = Pack<kMicro>::load(&x_slab[row][own.across]);
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const SlopeOf<Form>& slope = kSlopes ? slope_slab[row][own.down + j] : slope_slab[0][0];
#pragma unroll
        for (int k = 0; k < kMicro; ++k)
          part[j][k] = multiply_add(weight[j], pull<kSlopes>(cost, slope, from[k], points[j][k]), part[j][k]);
      }
    }
    for (int j = 0; j < kMicro; ++j)
      for (int k = 0; k < kMicro; ++k) total[j][k] += part[j][k];
  }
  for (int j = 0; j < kMicro; ++j)
    for (int k = 0; k < kMicro; ++k)
      if (exists(j, k))
        out.data[(first_point + own.down + j) * out.stride + first_coordinate + own.across + k] = total[j][k];
}

/// Calls `start` with the side of the register tiles: large ones read less, small ones spread a small problem over the
/// GPU. Neither changes a bit.
template <class Start>
void with_micro(CudaStream& stream, int64_t rows, int64_t columns, Start start) {
  constexpr int kLarge = 4, kSmall = 1;
  const int64_t large_tiles = ceil_div(rows, kLarge * kSide) * ceil_div(columns, kLarge * kSide);
  if (large_tiles >= stream.handles().multiprocessors)
    start.template operator()<kLarge>();
  else
    start.template operator()<kSmall>();
}

template <int kMicro>
dim3 tiles_of(int64_t across, int64_t down) {
  return dim3(static_cast<unsigned>(ceil_div(across, kSide * kMicro)),
              static_cast<unsigned>(ceil_div(down, kSide * kMicro)));
}

template <class Form>
void pull_rows(CudaStream& stream, const Form& cost, Matrix<const float> x, Matrix<const float> y, Weights weights,
               const SlopeOf<Form>* slopes, bool accumulate, Matrix<float> out) {
  with_micro(stream, y.rows, y.columns, [&]<int kMicro>() {
    const dim3 blocks = tiles_of<kMicro>(y.rows, y.columns);
    if (slopes)
      launch(stream, pull_kernel<kMicro, true, Form>, blocks, kTileThreads, cost, x, y, weights, slopes, accumulate,
             out);
    else
      launch(stream, pull_kernel<kMicro, false, Form>, blocks, kTileThreads, cost, x, y, weights, slopes, accumulate,
             out);
  });
}

/// out_j = sum_i source(i, j, c(x_i, y_j)) (d/dy) c(x_i, y_j). In scratch there is a slice of x, not all pairs.
template <class Form, class Source>
void weighted_gradient(CudaStream& stream, const Form& cost, Matrix<const float> x, Matrix<const float> y,
                       const Source& source, Matrix<float> out) {
  if (out.rows == 0 || out.columns == 0) return;
  const bool slopes_needed = cost.slope_needs_sum();
  if constexpr (!Source::kNeedsCosts)
    if (!slopes_needed || x.rows == 0) return pull_rows(stream, cost, x, y, source.given, nullptr, false, out);

  constexpr int64_t kScratchBytes = int64_t{1} << 25, kMostRows = 1 << 19, kStep = 64;
  const auto pair_bytes = static_cast<int64_t>(sizeof(float) + (slopes_needed ? sizeof(SlopeOf<Form>) : 0));
  const int64_t fitting = std::min(kMostRows, kScratchBytes / (y.rows * pair_bytes)) / kStep * kStep;
  const int64_t slice = std::clamp<int64_t>(x.rows, 1, std::max(fitting, kStep));
  const int64_t pairs = ceil_div(slice * y.rows, 16) * 16;
  auto* weights = static_cast<float*>(stream.workspace(static_cast<size_t>(pairs * pair_bytes)));
  auto* slopes = slopes_needed ? reinterpret_cast<SlopeOf<Form>*>(weights + pairs) : nullptr;
  int64_t first = 0;
  do {
    const int64_t rows = std::min(slice, x.rows - first);
    if (rows > 0)
      with_micro(stream, rows, y.rows, [&]<int kMicro>() {
        launch(stream, weights_kernel<kMicro, Form, Source>, tiles_of<kMicro>(y.rows, rows), kTileThreads, cost, x, y,
               source, first, rows, weights, slopes);
      });
    const Weights of_slice(Factor{{weights, rows, y.rows}});
    pull_rows(stream, cost, Matrix<const float>{x.data + first * x.stride, rows, x.columns, x.stride}, y, of_slice,
              slopes, first > 0, out);
    first += slice;
  } while (first < x.rows);
}

}  // namespace wasserkern::cuda
