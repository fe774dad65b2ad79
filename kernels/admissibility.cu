#include "kernels/admissibility.h"

#include <algorithm>
#include <cmath>
#include <cub/block/block_reduce.cuh>

#include "kernels/contracts.h"
#include "kernels/cuda/column_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/tile_size.cuh"

namespace wasserkern {
namespace {

// A penalty is the square of a slack's counted part, r = xi or min(xi, 0): the value is the mean of r^2, the derivative
// in phi_i is -2/(mn) times the sum of r over row i, that in psi_j over column j. A block owns a range of rows and a
// range of panels. It adds up the rows of a tile over its panels in registers and the columns in main memory, where
// nobody else writes; a second kernel joins the blocks. Floats add up within a thread's part of a tile, doubles beyond.

using cuda::kTileThreads;

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

/// Rows and columns of one block; blocks: x counts panel parts, y row parts.
template <int kMicro, class Form>
__global__ void __launch_bounds__(kTileThreads, cuda::resident_blocks<kMicro>() - 1)
    sweep_kernel(Form cost, Pairs pairs, Parts parts) {
  using Tile = cuda::MicroTile<kMicro>;
  using Lanes = cuda::LaneFold<kMicro, 1, cuda::kAcross>;
  const int64_t m = pairs.x.rows, n = pairs.y.rows;
  const int64_t tiles = (m + Tile::kRows - 1) / Tile::kRows, panels = (n + Tile::kColumns - 1) / Tile::kColumns;
  const int64_t first_tile = tiles * blockIdx.y / parts.row_parts;
  const int64_t last_tile = tiles * (blockIdx.y + 1) / parts.row_parts;
  const int64_t first_panel = panels * blockIdx.x / parts.panel_parts;
  const int64_t last_panel = panels * (blockIdx.x + 1) / parts.panel_parts;
  const Tile own;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % cuda::kWarp;
  const auto add = [](auto& sum, auto more) { sum += more; };

  double squares = 0;
  for (int64_t tile = first_tile; tile < last_tile; ++tile) {
    double along[Lanes::kKept] = {};  // sums of this thread's rows over the block's panels
    for (int64_t panel = first_panel; panel < last_panel; ++panel) {
      const int64_t first_row = tile * Tile::kRows, first_column = panel * Tile::kColumns;
      float costs[kMicro][kMicro];
      cuda::cost_tile<kMicro>(cost, pairs.x, first_row, pairs.y, first_column, costs);
      float of_rows[kMicro] = {}, of_columns[kMicro] = {}, of_tile = 0;
#pragma unroll
      for (int i = 0; i < kMicro; ++i) {
        const int64_t row = first_row + own.row(i);
        const float phi = pairs.phi[min(row, m - 1)];
#pragma unroll
        for (int j = 0; j < kMicro; ++j) {
          const int64_t column = first_column + own.column(j);
          float slack = costs[i][j] - phi - pairs.psi[min(column, n - 1)];
          if (row >= m || column >= n || (pairs.penalty == Penalty::Violation && slack > 0)) slack = 0;
          of_rows[i] += slack;
          of_columns[j] += slack;
          of_tile += slack * slack;
        }
      }
      squares += of_tile;
      double rows[kMicro], columns[kMicro];
#pragma unroll
      for (int i = 0; i < kMicro; ++i) {
        rows[i] = of_rows[i];
        columns[i] = of_columns[i];
      }
      Lanes::run(rows, add);
#pragma unroll
      for (int at = 0; at < Lanes::kKept; ++at) along[at] += rows[at];

      cuda::ColumnFold<kMicro, double> down(0);
      down.take(columns, add);
      __syncthreads();  // the columns of the tile before have been added up
      const double total = down.total(0, add);
      const int64_t column = first_column + thread;
      if (thread < Tile::kColumns && column < n) {
        double& sum = parts.columns[blockIdx.y * n + column];
        sum = (tile == first_tile ? 0 : sum) + total;
      }
    }
    if (Lanes::speaks(lane))
#pragma unroll
      for (int at = 0; at < Lanes::kKept; ++at) {
        const int64_t row = tile * Tile::kRows + own.row(Lanes::first_kept(lane) + at);
        if (row < m) parts.rows[blockIdx.x * m + row] = along[at];
      }
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
Parts divided(int64_t tiles, int64_t panels) {
  const auto side = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(cuda::kEnoughBlocks))));
  const int64_t row_parts = std::min(tiles, std::max(side, cuda::ceil_div(cuda::kEnoughBlocks, panels)));
  return {row_parts, std::min(panels, cuda::ceil_div(cuda::kEnoughBlocks, row_parts)), nullptr, nullptr, nullptr};
}

template <int kMicro, class Form>
void sweep(CudaStream& stream, const Form& cost, const Pairs& pairs, float* value, Vector<float> phi_gradient,
           Vector<float> psi_gradient) {
  using Tile = cuda::MicroTile<kMicro>;
  const int64_t m = pairs.x.rows, n = pairs.y.rows;
  Parts parts = divided(cuda::ceil_div(m, Tile::kRows), cuda::ceil_div(n, Tile::kColumns));
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
  visit_cost(cost, [&]<class Form>(const Form& form) {
    cuda::with_micro<Form>(x.rows, y.rows, 1, [&]<int kMicro>() {
      sweep<kMicro>(stream, form, pairs, value.data, phi_gradient, psi_gradient);
    });
  });
}

}  // namespace wasserkern
