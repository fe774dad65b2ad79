#include "kernels/cuda/pair_pull.h"

#include <algorithm>

#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/tile_size.cuh"

// A block holds a tile of out, points by coordinates, in registers and sweeps over rows of x; while it works on some of
// them the next are copied to shared memory asynchronously. Where tiles are few, blocks divide the rows of x as well
// and a second kernel adds up their parts in order.
//
// Limit: per term squared l2 takes two instructions (a difference and an FFMA), l1 five, of which the three of the sign
// run at half the rate. Compiled for sm_90 a row of x for 32 terms is 74 instructions for squared l2, 170 for l1, with
// three loads from shared memory.

namespace wasserkern::cuda {
namespace {

constexpr int kPullAcross = 16;  // threads along coordinates
constexpr int kPullDown = 8;     // and along points
constexpr int kPullThreads = kPullAcross * kPullDown;
constexpr int kPullDepth = 16;  // rows of x in shared memory at a time

/// A block's tile of out. A thread has kPoints neighbouring points and kPacks packs of four coordinates.
template <int kPoints, int kPacks>
struct PullTile {
  static constexpr int kRows = kPullDown * kPoints;
  static constexpr int kColumns = 4 * kPullAcross * kPacks;

  int down = static_cast<int>(threadIdx.x) / kPullAcross;
  int across = static_cast<int>(threadIdx.x) % kPullAcross;

  __device__ __forceinline__ int point(int j) const { return down * kPoints + j; }
  __device__ __forceinline__ int pack(int p) const { return 4 * (p * kPullAcross + across); }

  /// Calls body(j, p, k) for the k-th coordinate of every pack of every point of a thread.
  template <class Body>
  static __device__ __forceinline__ void for_each(Body body) {
#pragma unroll
    for (int j = 0; j < kPoints; ++j)
#pragma unroll
      for (int p = 0; p < kPacks; ++p)
#pragma unroll
        for (int k = 0; k < 4; ++k) body(j, p, k);
  }
};

/// What a tile needs of kPullDepth rows of x.
template <class Tile, class Slope, bool kSlopes>
struct PullStage {
  alignas(16) float x[kPullDepth][Tile::kColumns];
  alignas(16) float weights[kPullDepth][Tile::kRows];
  Slope slopes[kSlopes ? kPullDepth : 1][kSlopes ? Tile::kRows : 1];

  /// Starts to copy; what does not exist is 0.
  __device__ __forceinline__ void fetch(Matrix<const float> from, const Weights& given, const Slope* slopes_given,
                                        int64_t points, int64_t first_row, int64_t first_point,
                                        int64_t first_coordinate) {
    fetch_x(from, first_row, first_coordinate);
    // Weights of a transpose lie down its rows.
    const bool along_rows = given.row_step == 1;
    for (int at = static_cast<int>(threadIdx.x); at < kPullDepth * Tile::kRows; at += kPullThreads) {
      const int row = along_rows ? at % kPullDepth : at / Tile::kRows;
      const int point = along_rows ? at / kPullDepth : at % Tile::kRows;
      const bool exists = first_row + row < from.rows && first_point + point < points;
      const int64_t offset = (first_row + row) * given.row_step + (first_point + point) * given.column_step;
      copy_async<4>(&weights[row][point], given.data + (exists ? offset : 0), exists ? 4 : 0);
    }
    if constexpr (kSlopes) {
      constexpr int kSlopeFloats = sizeof(Slope) / sizeof(float), kFloats = Tile::kRows * kSlopeFloats;
      for (int at = static_cast<int>(threadIdx.x); at < kPullDepth * kFloats; at += kPullThreads) {
        const int row = at / kFloats, part = at % kFloats;
        const bool exists = first_row + row < from.rows && first_point + part / kSlopeFloats < points;
        const int64_t offset = ((first_row + row) * points + first_point) * kSlopeFloats + part;
        copy_async<4>(reinterpret_cast<float*>(slopes[row]) + part,
                      reinterpret_cast<const float*>(slopes_given) + (exists ? offset : 0), exists ? 4 : 0);
      }
    }
  }

 private:
  __device__ __forceinline__ void fetch_x(Matrix<const float> from, int64_t first_row, int64_t first_coordinate) {
    if (reinterpret_cast<uintptr_t>(from.data) % 16 == 0 && from.stride % 4 == 0)
      fetch_packs<4>(from, first_row, first_coordinate);
    else
      fetch_packs<1>(from, first_row, first_coordinate);
  }

  template <int kFloats>
  __device__ __forceinline__ void fetch_packs(Matrix<const float> from, int64_t first_row, int64_t first_coordinate) {
    constexpr int kPacks = Tile::kColumns / kFloats;
    for (int at = static_cast<int>(threadIdx.x); at < kPullDepth * kPacks; at += kPullThreads) {
      const int row = at / kPacks, column = at % kPacks * kFloats;
      const int64_t coordinate = first_coordinate + column;
      const int64_t left = first_row + row < from.rows ? from.columns - coordinate : 0;
      const int floats = left >= kFloats ? kFloats : left > 0 ? static_cast<int>(left) : 0;
      const float* source = from.data + (floats > 0 ? (first_row + row) * from.stride + coordinate : 0);
      copy_async<4 * kFloats>(&x[row][column], source, 4 * floats);
    }
  }
};

/// The gradient of a pair in one coordinate, but for its weight; without slopes all pairs have slope(1, 1).
template <bool kSlopes, class Form>
__device__ __forceinline__ float pull_of(const Form& cost, const SlopeOf<Form>& slope, float x, float y) {
  if constexpr (!kSlopes && requires { cost.inner_derivative(x, y); })
    return cost.inner_derivative(x, y);
  else
    return (kSlopes ? 1.0f : slope.first) * cost.normal(slope, x, y);
}

/// out = pulls of rows [part * rows_per_part, ...) of x, or out += them; part p of out begins p * part_step later.
/// Blocks: x counts panels of points, y slabs of coordinates, z parts.
template <int kPoints, int kPacks, bool kSlopes, class Form>
__global__ void __launch_bounds__(kPullThreads, kPoints == 1 ? 5 : 2)
    pull_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, Weights weights, const SlopeOf<Form>* slopes,
                int64_t rows_per_part, int64_t part_step, bool accumulate, Matrix<float> out) {
  using Tile = PullTile<kPoints, kPacks>;
  __shared__ PullStage<Tile, SlopeOf<Form>, kSlopes> stages[2];
  const Tile own;
  const int64_t first_point = static_cast<int64_t>(blockIdx.x) * Tile::kRows;
  const int64_t first_coordinate = static_cast<int64_t>(blockIdx.y) * Tile::kColumns;
  const int64_t begin = blockIdx.z * rows_per_part, end = min(begin + rows_per_part, x.rows);
  float* part_out = out.data + blockIdx.z * part_step;
  const auto exists = [&](int j, int p, int k) {
    return first_point + own.point(j) < y.rows && first_coordinate + own.pack(p) + k < y.columns;
  };
  const auto place = [&](int64_t stride, int j, int p, int k) {
    return (first_point + own.point(j)) * stride + first_coordinate + own.pack(p) + k;
  };

  float points[kPoints][kPacks][4], total[kPoints][kPacks][4];
  Tile::for_each([&](int j, int p, int k) {
    points[j][p][k] = exists(j, p, k) ? y.data[place(y.stride, j, p, k)] : 0.0f;
    total[j][p][k] = 0;
  });
  const SlopeOf<Form> common = cost.slope(1.0f, 1.0f);

  const int turns = static_cast<int>((end - begin + kPullDepth - 1) / kPullDepth);
  for (int turn = -1; turn < turns; ++turn) {
    const int stage = turn & 1;
    async_wait();
    __syncthreads();  // this stage is complete, and all have read the one before
    if (turn + 1 < turns)
      stages[stage ^ 1].fetch(x, weights, slopes, y.rows, begin + int64_t{kPullDepth} * (turn + 1), first_point,
                              first_coordinate);
    if (turn < 0) continue;
    const auto& own_stage = stages[stage];
    const int depth = static_cast<int>(min(int64_t{kPullDepth}, end - begin - int64_t{kPullDepth} * turn));

    float part[kPoints][kPacks][4] = {};  // joins the total later, against rounding
#pragma unroll 1
    for (int row = 0; row < depth; ++row) {
      const auto weight = Pack<kPoints>::load(&own_stage.weights[row][own.point(0)]);
#pragma unroll
      for (int p = 0; p < kPacks; ++p) {
        const auto from = Pack<4>::load(&own_stage.x[row][own.pack(p)]);
#pragma unroll
        for (int j = 0; j < kPoints; ++j) {
          const SlopeOf<Form>& slope = kSlopes ? own_stage.slopes[row][own.point(j)] : common;
#pragma unroll
          for (int k = 0; k < 4; ++k)
            part[j][p][k] =
                multiply_add(weight[j], pull_of<kSlopes>(cost, slope, from[k], points[j][p][k]), part[j][p][k]);
        }
      }
    }
    Tile::for_each([&](int j, int p, int k) { total[j][p][k] += part[j][p][k]; });
  }
  Tile::for_each([&](int j, int p, int k) {
    if (!exists(j, p, k)) return;
    float& to = part_out[place(out.stride, j, p, k)];
    to = accumulate ? to + total[j][p][k] : total[j][p][k];
  });
}

/// out = the sum of `count` parts [out.rows, out.columns], in order, or out += it.
__global__ void join_pulls_kernel(const float* parts, int64_t count, bool accumulate, Matrix<float> out) {
  const int64_t size = out.rows * out.columns;
  for (int64_t at = grid_thread(); at < size; at += grid_threads()) {
    float& to = out.data[at / out.columns * out.stride + at % out.columns];
    float total = accumulate ? to : 0.0f;
    for (int64_t part = 0; part < count; ++part) total += parts[part * size + at];
    to = total;
  }
}

using Large = PullTile<4, 2>;
using Small = PullTile<1, 1>;

template <class Tile>
dim3 tiles(int64_t points, int64_t coordinates, int64_t parts = 1) {
  return dim3(static_cast<unsigned>(ceil_div(points, Tile::kRows)),
              static_cast<unsigned>(ceil_div(coordinates, Tile::kColumns)), static_cast<unsigned>(parts));
}

int64_t count(dim3 blocks) { return int64_t{blocks.x} * blocks.y; }

template <class Form>
void pull(CudaStream& stream, const Form& cost, Matrix<const float> x, Matrix<const float> y, Weights weights,
          const SlopeOf<Form>* slopes, const PullPlan& plan, bool accumulate, Matrix<float> out) {
  const auto start = [&]<int kPoints, int kPacks>(PullTile<kPoints, kPacks>) {
    const auto kernel = slopes ? pull_kernel<kPoints, kPacks, true, Form> : pull_kernel<kPoints, kPacks, false, Form>;
    launch(stream, kernel, tiles<PullTile<kPoints, kPacks>>(out.rows, out.columns, plan.parts), kPullThreads, cost, x,
           y, weights, slopes, plan.rows_per_part, out.rows * out.columns, accumulate, out);
  };
  if (plan.large)
    start(Large());
  else
    start(Small());
}

}  // namespace

PullPlan::PullPlan(int64_t rows, int64_t points, int64_t coordinates) {
  constexpr int64_t kEnoughTiles = 96, kFewestRows = 256;  // fewer rows are not worth a part of out in memory
  const int64_t large_tiles = count(tiles<Large>(points, coordinates));
  large = large_tiles >= kEnoughTiles;
  const int64_t blocks = std::max<int64_t>(large ? large_tiles : count(tiles<Small>(points, coordinates)), 1);
  const int64_t wanted = std::clamp<int64_t>(kEnoughBlocks / blocks, 1, std::max<int64_t>(rows / kFewestRows, 1));
  rows_per_part = std::max<int64_t>(ceil_div(ceil_div(rows, wanted), kPullDepth), 1) * kPullDepth;
  parts = std::max<int64_t>(ceil_div(rows, rows_per_part), 1);
}

void pull_rows(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y, Weights weights,
               const void* slopes, const PullPlan& plan, float* scratch, bool accumulate, Matrix<float> out) {
  const bool joined = plan.parts > 1;
  visit_cost(cost, [&]<class Form>(const Form& form) {
    pull(stream, form, x, y, weights, static_cast<const SlopeOf<Form>*>(slopes), plan, accumulate && !joined,
         joined ? Matrix<float>{scratch, out.rows, out.columns} : out);
  });
  if (joined)
    launch(stream, join_pulls_kernel, blocks_for(stream, out.rows * out.columns, kPullThreads), kPullThreads, scratch,
           plan.parts, accumulate, out);
}

}  // namespace wasserkern::cuda
