#include "kernels/admissibility.h"

#include <algorithm>
#include <cmath>
#include <cub/block/block_reduce.cuh>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_tile.cuh"

namespace wasserkern {
namespace {

// A penalty is the square of a slack's counted part, r = xi or min(xi, 0): the value is the mean of r^2, the derivative
// in phi_i is -2/(mn) times the sum of r over row i, that in psi_j over column j. A block owns a range of rows and a
// range of panels. It adds up the rows of a tile over its panels in registers and the columns in main memory, where
// nobody else writes; a second kernel joins the blocks. Floats add up within a thread's part of a tile, doubles beyond.

using cuda::kSide, cuda::kTileThreads;

struct Pairs {
  Penalty penalty;
  Matrix<const float> x;
  const float* phi;
  Matrix<const float> y;
  const float* psi;
};

/// Blocks along either side, and what they add up.
struct Parts {
  int64_t row_parts;
  int64_t panel_parts;
  double* squares;  // [row_parts, panel_parts]
  double* rows;     // [panel_parts, m]
  double* columns;  // [row_parts, n]

  int64_t blocks() const { return row_parts * panel_parts; }
};

template <class Form>
__device__ __forceinline__ float counted_slack(const Form& cost, const Pairs& pairs, int64_t row, int64_t column,
                                               float sum) {
  const float slack = cuda::cost_of(cost, pairs.x, pairs.y, row, column, sum) - pairs.phi[row] - pairs.psi[column];
  return pairs.penalty == Penalty::Violation && slack > 0 ? 0.0f : slack;
}

/// The sum of line `line` of a tile over its kSide threads' parts, in order.
template <int kTile>
__device__ __forceinline__ double line_total(const double (&of_threads)[kSide][kTile], int line) {
  double total = 0;
  for (int i = 0; i < kSide; ++i) total += of_threads[i][line];
  return total;
}

/// Rows and columns of one block; blocks: x counts panel parts, y row parts.
template <int kMicro, class Form>
__global__ void __launch_bounds__(kTileThreads) sweep_kernel(Form cost, Pairs pairs, Parts parts) {
  constexpr int kTile = kSide * kMicro;
  const int64_t m = pairs.x.rows, n = pairs.y.rows;
  const int64_t tiles = (m + kTile - 1) / kTile, panels = (n + kTile - 1) / kTile;
  const int64_t first_tile = tiles * blockIdx.y / parts.row_parts;
  const int64_t last_tile = tiles * (blockIdx.y + 1) / parts.row_parts;
  const int64_t first_panel = panels * blockIdx.x / parts.panel_parts;
  const int64_t last_panel = panels * (blockIdx.x + 1) / parts.panel_parts;
  const cuda::MicroTile<kMicro> own;
  const int thread = static_cast<int>(threadIdx.x);
  __shared__ double of_threads[kSide][kTile];

  double squares = 0;
  for (int64_t tile = first_tile; tile < last_tile; ++tile) {
    double along[kMicro] = {};  // sums of this thread's rows over the block's panels
    for (int64_t panel = first_panel; panel < last_panel; ++panel) {
      float sums[kMicro][kMicro];
      cuda::fill_tile<kMicro>(cost, pairs.x, tile * kTile, pairs.y, panel * kTile, sums);
      float rows[kMicro] = {}, columns[kMicro] = {}, of_tile = 0;
#pragma unroll
      for (int i = 0; i < kMicro; ++i)
#pragma unroll
        for (int j = 0; j < kMicro; ++j) {
          const int64_t row = tile * kTile + own.down + i, column = panel * kTile + own.across + j;
          if (row >= m || column >= n) continue;
          const float slack = counted_slack(cost, pairs, row, column, sums[i][j]);
          rows[i] += slack;
          columns[j] += slack;
          of_tile += slack * slack;
        }
      squares += of_tile;
      for (int i = 0; i < kMicro; ++i) along[i] += rows[i];

      __syncthreads();  // of_threads has been read
      for (int j = 0; j < kMicro; ++j) of_threads[own.down / kMicro][own.across + j] = columns[j];
      __syncthreads();
      const int64_t column = panel * kTile + thread;
      if (thread < kTile && column < n) {
        double& total = parts.columns[blockIdx.y * n + column];
        total = (tile == first_tile ? 0 : total) + line_total(of_threads, thread);
      }
    }
    __syncthreads();
    for (int i = 0; i < kMicro; ++i) of_threads[own.across / kMicro][own.down + i] = along[i];
    __syncthreads();
    const int64_t row = tile * kTile + thread;
    if (thread < kTile && row < m) parts.rows[blockIdx.x * m + row] = line_total(of_threads, thread);
  }

  using BlockReduce = cub::BlockReduce<double, kTileThreads>;
  __shared__ typename BlockReduce::TempStorage storage;
  const double total = BlockReduce(storage).Sum(squares);
  if (thread == 0) parts.squares[blockIdx.y * parts.panel_parts + blockIdx.x] = total;
}

/// factor times the sum over parts of parts[part, i].
__device__ __forceinline__ float joined(const double* parts, int64_t count, int64_t stride, int64_t i, double factor) {
  double total = 0;
  for (int64_t part = 0; part < count; ++part) total += parts[part * stride + i];
  return static_cast<float>(factor * total);
}

/// One thread per element of the three results.
__global__ void join_kernel(Parts parts, double weight, float* value, Vector<float> phi_gradient,
                            Vector<float> psi_gradient) {
  const int64_t m = phi_gradient.size, n = psi_gradient.size;
  for (int64_t i = cuda::grid_thread(); i < m + n + 1; i += cuda::grid_threads())
    if (i < m)
      phi_gradient.data[i] = joined(parts.rows, parts.panel_parts, m, i, -2 * weight);
    else if (i < m + n)
      psi_gradient.data[i - m] = joined(parts.columns, parts.row_parts, n, i - m, -2 * weight);
    else
      *value = joined(parts.squares, parts.row_parts * parts.panel_parts, 1, 0, weight);
}

/// About as many parts of rows as of panels: fewest sums to join.
Parts divided(CudaStream& stream, int64_t tiles, int64_t panels) {
  constexpr int64_t kBlocksPerMultiprocessor = 4;
  const int64_t wanted = stream.handles().multiprocessors * kBlocksPerMultiprocessor;
  const auto side = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(wanted))));
  const int64_t row_parts = std::min(tiles, std::max(side, cuda::ceil_div(wanted, panels)));
  return {row_parts, std::min(panels, cuda::ceil_div(wanted, row_parts)), nullptr, nullptr, nullptr};
}

template <int kMicro, class Form>
void sweep(CudaStream& stream, const Form& cost, const Pairs& pairs, float* value, Vector<float> phi_gradient,
           Vector<float> psi_gradient) {
  constexpr int kTile = kSide * kMicro;
  const int64_t m = pairs.x.rows, n = pairs.y.rows;
  Parts parts = divided(stream, cuda::ceil_div(m, kTile), cuda::ceil_div(n, kTile));
  const int64_t doubles = parts.blocks() + parts.panel_parts * m + parts.row_parts * n;
  parts.squares = static_cast<double*>(stream.workspace(static_cast<size_t>(doubles) * sizeof(double)));
  parts.rows = parts.squares + parts.blocks();
  parts.columns = parts.rows + parts.panel_parts * m;

  const dim3 blocks(static_cast<unsigned>(parts.panel_parts), static_cast<unsigned>(parts.row_parts));
  cuda::launch(stream, sweep_kernel<kMicro, Form>, blocks, kTileThreads, cost, pairs, parts);
  const double weight = 1 / (static_cast<double>(m) * static_cast<double>(n));
  cuda::launch(stream, join_kernel, cuda::blocks_for(stream, m + n + 1, kTileThreads), kTileThreads, parts, weight,
               value, phi_gradient, psi_gradient);
}

}  // namespace

void admissibility(CudaStream& stream, const Cost& cost, Penalty penalty, Matrix<const float> x,
                   Vector<const float> phi, Matrix<const float> y, Vector<const float> psi, Vector<float> value,
                   Vector<float> phi_gradient, Vector<float> psi_gradient) {
  check_admissibility(x, phi, y, psi, value, phi_gradient, psi_gradient);
  const Pairs pairs{penalty, x, phi.data, y, psi.data};

  // Large tiles read less, small ones spread a small problem over the GPU.
  constexpr int kLarge = 4, kSmall = 1;
  visit_cost(cost, [&]<class Form>(const Form& form) {
    const int64_t large_tiles = cuda::ceil_div(x.rows, kLarge * kSide) * cuda::ceil_div(y.rows, kLarge * kSide);
    if (large_tiles >= stream.handles().multiprocessors)
      sweep<kLarge>(stream, form, pairs, value.data, phi_gradient, psi_gradient);
    else
      sweep<kSmall>(stream, form, pairs, value.data, phi_gradient, psi_gradient);
  });
}

}  // namespace wasserkern
