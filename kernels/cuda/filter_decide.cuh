#pragma once

#include <cstdint>

#include "kernels/cuda/filter_columns.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/warp.cuh"

// Direct differences of the candidates that a filter has left decide value and index. A pair is summed in the order of
// its coordinates, as by the kernels that sum all pairs: the bits are theirs.

namespace wasserkern::cuda {

constexpr int kDecideWarps = 4;

/// The cost of a pair whose sum is not trusted. Rare, and not inlined to keep its registers out of the sweep.
template <class Form>
__device__ __noinline__ float careful_cost(const Form& cost, const float* x, const float* y, int64_t d) {
  const PairSum pair = pair_sum<1>(cost, x, y, d, 0);
  return cost.finish(pair.sum, pair.unit);
}

/// The value of a candidate, given the sum of its pair.
template <class Form>
__device__ __forceinline__ float decided_value(const Form& cost, Matrix<const float> x, int64_t row, float phi,
                                               Matrix<const float> y, int64_t column, float sum) {
  const float value = cost.trusted(sum)
                          ? cost.finish(sum, 1.0f)
                          : careful_cost(cost, x.data + row * x.stride, y.data + column * y.stride, x.columns);
  return __fsub_rn(value, phi);
}

/// best of each column, from its survivors that the last promise does not rule out; nothing for columns with too many.
/// A warp takes a column and a lane a survivor, whose rows pass through shared memory so that their reads coalesce.
///
/// Limit: d words of main memory or L2 and d steps of a dependent FFMA a column, while few survive.
template <class Form>
__global__ void __launch_bounds__(kDecideWarps* kWarp)
    decide_kernel(Form cost, Matrix<const float> x, const float* phi, Matrix<const float> y, FilterColumns columns) {
  __shared__ int32_t places_of_warps[kDecideWarps][kMostSurvivors];
  __shared__ float x_of_warps[kDecideWarps][kWarp][kWarp + 1], y_of_warps[kDecideWarps][kWarp];
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  int32_t* places = places_of_warps[warp];
  float(&x_part)[kWarp][kWarp + 1] = x_of_warps[warp];
  float(&y_part)[kWarp] = y_of_warps[warp];

  const int64_t warps = static_cast<int64_t>(gridDim.x) * kDecideWarps;
  for (int64_t column = static_cast<int64_t>(blockIdx.x) * kDecideWarps + warp; column < columns.size;
       column += warps) {
    const float promised = columns.promised(column);
    const unsigned listed = columns.overflowed(column) ? 0 : columns.count[column];
    int left = 0;
    for (unsigned first = 0; first < listed; first += kWarp) {
      Survivor survivor = {};
      if (first + lane < listed) survivor = columns.survivors[column * kMostSurvivors + first + lane];
      const bool open = first + lane < listed && !(survivor.least > promised);
      const unsigned lanes = __ballot_sync(0xFFFFFFFF, open);
      if (open) places[left + __popc(lanes & ((1u << lane) - 1))] = survivor.place;
      left += __popc(lanes);
    }
    __syncwarp();

    const float* y_row = y.data + column * y.stride;
    Minimum minimum = no_minimum();
    for (int first = 0; first < left; first += kWarp) {
      const int rows = min(left - first, kWarp);
      const int32_t place = places[first + min(lane, rows - 1)];
      float sum = 0;
      for (int64_t k = 0; k < x.columns; k += kWarp) {
        const int length = static_cast<int>(min(x.columns - k, int64_t{kWarp}));
        __syncwarp();  // the parts before have been read
        if (lane < length) {
          y_part[lane] = y_row[k + lane];
          for (int row = 0; row < rows; ++row) x_part[row][lane] = x.data[places[first + row] * x.stride + k + lane];
        }
        __syncwarp();
        if (lane < rows)
          for (int at = 0; at < length; ++at) sum = cost.add_term(sum, x_part[lane][at], y_part[at]);
      }
      if (lane < rows) {
        minimum.join({decided_value(cost, x, place, phi[place], y, column, sum), place});
      }
    }
    unsigned long long key = key_of(minimum);
    for (int apart = kWarp / 2; apart > 0; apart /= 2) key = min(key, __shfl_xor_sync(0xFFFFFFFF, key, apart));
    if (lane == 0) columns.best[column] = key;
    __syncwarp();  // all have read the places
  }
}

constexpr int kSweepMicro = 4;
constexpr int64_t kSweepParts = 32;

/// Takes all candidates into best, by direct differences, for panels with a column that has too many survivors. So
/// where nothing can be ruled out the whole costs a filter and a direct c_transform, not more. A fixed number of blocks
/// shares what there is to sweep, which only the device knows: panels, in kSweepParts parts each.
template <class Form>
__global__ void __launch_bounds__(kTileThreads)
    sweep_overflowed_kernel(Form cost, Matrix<const float> x, const float* phi, Matrix<const float> y,
                            FilterColumns columns) {
  using Tile = MicroTile<kSweepMicro>;
  const Tile own;
  const int64_t panels = (y.rows + Tile::kColumns - 1) / Tile::kColumns;
  const int64_t tiles = (x.rows + Tile::kRows - 1) / Tile::kRows;
  for (int64_t item = blockIdx.x; item < panels * kSweepParts; item += gridDim.x) {
    const int64_t first_column = item / kSweepParts * Tile::kColumns, part = item % kSweepParts;
    const int64_t own_column = first_column + threadIdx.x;
    if (!__syncthreads_or(threadIdx.x < Tile::kColumns && own_column < y.rows && columns.overflowed(own_column)))
      continue;

    Minimum minima[kSweepMicro];
    for (Minimum& minimum : minima) minimum = no_minimum();
    const int64_t end = min(tiles * (part + 1) / kSweepParts * Tile::kRows, x.rows);
    for (int64_t first_row = tiles * part / kSweepParts * Tile::kRows; first_row < end; first_row += Tile::kRows) {
      float costs[kSweepMicro][kSweepMicro];
      cost_tile<kSweepMicro>(cost, x, first_row, y, first_column, costs);
#pragma unroll
      for (int i = 0; i < kSweepMicro; ++i) {
        const int64_t row = first_row + own.row(i);
        if (row >= end) break;
#pragma unroll
        for (int j = 0; j < kSweepMicro; ++j) {
          minima[j].join({__fsub_rn(costs[i][j], phi[row]), static_cast<int32_t>(row)});
        }
      }
    }
    for (int j = 0; j < kSweepMicro; ++j)
      if (first_column + own.column(j) < y.rows)
        atomicMin(columns.best + first_column + own.column(j), key_of(minima[j]));
  }
}

/// out and argmin of what is decided.
static __global__ void write_minima_kernel(FilterColumns columns, float* out, int32_t* argmin) {
  for (int64_t column = grid_thread(); column < columns.size; column += grid_threads()) {
    const Minimum minimum = of_key(columns.best[column]);
    out[column] = minimum.value;
    argmin[column] = minimum.place;
  }
}

}  // namespace wasserkern::cuda
