#include "kernels/c_transform.h"

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/pair_sum.cuh"

namespace wasserkern {
namespace {

// A block keeps a panel of y and sweeps over x, tile by tile. A thread sums kMicro x kMicro pairs of a tile in
// registers and keeps the minimum of its columns; the block's threads join theirs at the end of the sweep. Where panels
// of y are too few to fill the GPU, several blocks divide x and a second kernel joins their minima. A pair is always
// summed in the order of its coordinates and minima do not depend on the order of joining, so neither choice changes a
// bit.

constexpr int kSide = 16;  // threads along either side of a tile
constexpr int kThreads = kSide * kSide;
constexpr int kDepth = 16;  // coordinates in shared memory at a time

/// A minimum and the row of x where it is taken.
struct Minimum {
  float value;
  int32_t place;

  /// Takes `other` if it is NaN and this is not, or smaller, or as small at a lower place.
  __device__ __forceinline__ void join(Minimum other) {
    const bool nan = value != value, other_nan = other.value != other.value;
    const bool wins =
        nan != other_nan ? other_nan : other.value < value || (!(other.value > value) && other.place < place);
    if (wins) *this = other;
  }
};

__device__ __forceinline__ Minimum none() { return {__int_as_float(0x7F800000), 0}; }

/// kDepth coordinates of a tile's rows of x or y, coordinate by coordinate; padded against bank conflicts.
template <int kMicro>
struct alignas(16) Slab {
  float at[kDepth][kSide * kMicro + 4];

  /// Rows past the end repeat the last one, coordinates past the end are 0.
  __device__ __forceinline__ void load(Matrix<const float> from, int64_t first_row, int64_t first_coordinate) {
    const int k = static_cast<int>(threadIdx.x) % kDepth;
    const bool exists = first_coordinate + k < from.columns;
    for (int row = static_cast<int>(threadIdx.x) / kDepth; row < kSide * kMicro; row += kThreads / kDepth) {
      const int64_t source = min(first_row + row, from.rows - 1);
      at[k][row] = exists ? from.data[source * from.stride + first_coordinate + k] : 0.0f;
    }
  }
};

/// sums[i][j] = terms of this thread's i-th row and j-th column of the tile. A cost that is no sum over coordinates
/// overloads this.
template <int kMicro, class Form>
__device__ __forceinline__ void fill_tile(const Form& cost, Matrix<const float> x, int64_t first_row,
                                          Matrix<const float> y, int64_t first_column, float (&sums)[kMicro][kMicro]) {
  __shared__ Slab<kMicro> x_slab, y_slab;
  const int down = static_cast<int>(threadIdx.x) / kSide * kMicro,
            across = static_cast<int>(threadIdx.x) % kSide * kMicro;
  for (int i = 0; i < kMicro; ++i)
    for (int j = 0; j < kMicro; ++j) sums[i][j] = 0;
  for (int64_t k = 0; k < x.columns; k += kDepth) {
    __syncthreads();  // every thread has read the slabs before
    x_slab.load(x, first_row, k);
    y_slab.load(y, first_column, k);
    __syncthreads();
#pragma unroll 4
    for (int depth = 0; depth < kDepth; ++depth) {
      const auto x_part = cuda::Pack<kMicro>::load(&x_slab.at[depth][down]);
      const auto y_part = cuda::Pack<kMicro>::load(&y_slab.at[depth][across]);
#pragma unroll
      for (int i = 0; i < kMicro; ++i)
#pragma unroll
        for (int j = 0; j < kMicro; ++j) sums[i][j] = cost.add_term(sums[i][j], x_part[i], y_part[j]);
    }
  }
}

/// The cost of a pair whose sum is not trusted. Rare, and not inlined to keep its registers out of the sweep.
template <class Form>
__device__ __noinline__ float careful_cost(const Form& cost, const float* x, const float* y, int64_t d) {
  const cuda::PairSum pair = cuda::pair_sum<1>(cost, x, y, d, 0);
  return cost.finish(pair.sum, pair.unit);
}

/// Minima of columns over rows [part * rows_per_part, ...) of x, part by part: values and places [parts, n].
template <int kMicro, class Form>
__global__ void __launch_bounds__(kThreads)
    sweep_kernel(Form cost, Matrix<const float> x, const float* phi, Matrix<const float> y, int64_t rows_per_part,
                 float* values, int32_t* places) {
  constexpr int kTile = kSide * kMicro;
  const int down = static_cast<int>(threadIdx.x) / kSide, across = static_cast<int>(threadIdx.x) % kSide;
  const int64_t first_column = static_cast<int64_t>(blockIdx.x) * kTile;
  const int64_t begin = blockIdx.y * rows_per_part, end = min(begin + rows_per_part, x.rows);

  Minimum minima[kMicro];
  for (int j = 0; j < kMicro; ++j) minima[j] = none();
  for (int64_t first_row = begin; first_row < end; first_row += kTile) {
    float sums[kMicro][kMicro];
    fill_tile<kMicro>(cost, x, first_row, y, first_column, sums);
#pragma unroll
    for (int i = 0; i < kMicro; ++i) {
      const int64_t row = first_row + down * kMicro + i;
      if (row >= end) break;
#pragma unroll
      for (int j = 0; j < kMicro; ++j) {
        const int64_t column = min(first_column + across * kMicro + j, y.rows - 1);
        const float pair_cost = cost.trusted(sums[i][j]) ? cost.finish(sums[i][j], 1)
                                                         : careful_cost(cost, x.data + row * x.stride,
                                                                        y.data + column * y.stride, x.columns);
        minima[j].join({pair_cost - phi[row], static_cast<int32_t>(row)});
      }
    }
  }

  __shared__ Minimum of_threads[kSide][kTile];
  for (int j = 0; j < kMicro; ++j) of_threads[down][across * kMicro + j] = minima[j];
  __syncthreads();
  const int64_t column = first_column + threadIdx.x;
  if (threadIdx.x >= kTile || column >= y.rows) return;
  Minimum minimum = of_threads[0][threadIdx.x];
  for (int i = 1; i < kSide; ++i) minimum.join(of_threads[i][threadIdx.x]);
  values[blockIdx.y * y.rows + column] = minimum.value;
  places[blockIdx.y * y.rows + column] = minimum.place;
}

/// The minima over all parts; one thread per column.
__global__ void join_kernel(int64_t parts, const float* values, const int32_t* places, Vector<float> out,
                            int32_t* argmin) {
  for (int64_t column = cuda::grid_thread(); column < out.size; column += cuda::grid_threads()) {
    Minimum minimum = none();
    for (int64_t part = 0; part < parts; ++part)
      minimum.join({values[part * out.size + column], places[part * out.size + column]});
    out.data[column] = minimum.value;
    argmin[column] = minimum.place;
  }
}

template <int kMicro, class Form>
void sweep(CudaStream& stream, const Form& cost, Matrix<const float> x, const float* phi, Matrix<const float> y,
           Vector<float> out, int32_t* argmin) {
  constexpr int kTile = kSide * kMicro;
  constexpr int64_t kBlocksPerMultiprocessor = 4;
  const int64_t panels = cuda::ceil_div(y.rows, kTile), tiles = cuda::ceil_div(x.rows, kTile);
  const int64_t wanted = stream.handles().multiprocessors * kBlocksPerMultiprocessor / panels;
  const int64_t tiles_per_part = cuda::ceil_div(tiles, std::clamp<int64_t>(wanted, 1, tiles));
  const int64_t parts = cuda::ceil_div(tiles, tiles_per_part);

  float* values = out.data;
  int32_t* places = argmin;
  if (parts > 1) {
    values = static_cast<float*>(
        stream.workspace(static_cast<size_t>(parts * out.size) * (sizeof(float) + sizeof(int32_t))));
    places = reinterpret_cast<int32_t*>(values + parts * out.size);
  }
  const dim3 blocks(static_cast<unsigned>(panels), static_cast<unsigned>(parts));
  cuda::launch(stream, sweep_kernel<kMicro, Form>, blocks, kThreads, cost, x, phi, y, tiles_per_part * kTile, values,
               places);
  if (parts > 1)
    cuda::launch(stream, join_kernel, cuda::blocks_for(stream, out.size, kThreads), kThreads, parts, values, places,
                 out, argmin);
}

}  // namespace

void c_transform(CudaStream& stream, const Cost& cost, Matrix<const float> x, Vector<const float> phi,
                 Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  check_c_transform(x, phi, y, out, argmin);

  // Large tiles read less, small ones spread a small problem over the GPU.
  constexpr int kLarge = 4, kSmall = 1;
  const int64_t large_tiles = cuda::ceil_div(x.rows, kLarge * kSide) * cuda::ceil_div(y.rows, kLarge * kSide);
  const bool large = large_tiles >= stream.handles().multiprocessors;
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (y.rows == 0) return;
    if (large)
      sweep<kLarge>(stream, form, x, phi.data, y, out, argmin.data);
    else
      sweep<kSmall>(stream, form, x, phi.data, y, out, argmin.data);
  });
}

}  // namespace wasserkern
