#include "kernels/admissibility.h"

#include "kernels/cpu/pair_tiles.h"

namespace wasserkern {

/// The arguments of admissibility, on their way into code that is compiled per instruction set.
struct Admissibility {
  Penalty penalty;
  Matrix<const float> x;
  const float* phi;
  Matrix<const float> y;
  const float* psi;
  float* value;
  float* phi_gradient;
  float* psi_gradient;
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                           //
    int64_t admissibility_workspace(const Admissibility& task, int threads);  //
    void admissibility_kernel(CostForm cost, const Admissibility& task, int threads, void* workspace);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

// A penalty is the square of a slack's counted part, r = xi or min(xi, 0): the value is the mean of r^2, the derivative
// in phi_i is -2/(mn) times the sum of r over row i, that in psi_j over column j. Floats add up within a tile, doubles
// from tile to tile.

/// What a share adds up.
struct Totals {
  double* squares;  // one
  double* rows;     // [m]
  double* columns;  // [n, padded to whole panels]
};

/// The slacks of a row and the columns from `column`, as far as they count; 0 past the last column.
template <class Form>
HWY_INLINE Word counted_slacks(const Form& cost, const Admissibility& task, int64_t row, int64_t column, Word sum) {
  const int64_t count = task.y.rows - column;
  if (count <= 0) return Word(0.0f);
  const Word psi = Word::load_up_to(task.psi + column, count);
  Word slack = costs_of(cost, task.x, task.y, row, column, sum) - Word(task.phi[row]) - psi;
  if (count < Word::kLanes) {
    const auto exists = hn::FirstN(Word::Tag(), static_cast<size_t>(count));
    slack = hn::IfThenElseZero(exists, slack.v);
  }
  if (task.penalty == Penalty::Violation) slack = select_greater(slack, Word(0.0f), Word(0.0f), slack);
  return slack;
}

template <class Form>
HWY_INLINE void add_tile(const Form& cost, const Admissibility& task, const PairTile& tile, Totals totals) {
  Word columns[kWords];
  for (Word& column : columns) column = Word(0.0f);
  Word squares(0.0f);
  const float* sums = tile.sums;
  for (int64_t row = tile.first_row; row < tile.first_row + tile.rows; ++row, sums += kColumns) {
    Word along(0.0f);
    for (int word = 0; word < kWords; ++word) {
      const int64_t at = word * Word::kLanes;
      const Word slack = counted_slacks(cost, task, row, tile.first_column + at, Word::load_aligned(sums + at));
      along = along + slack;
      columns[word] = columns[word] + slack;
      squares = multiply_add(slack, slack, squares);
    }
    totals.rows[row] += along.sum();
  }
  *totals.squares += squares.sum();
  alignas(64) float of_tile[kColumns];
  for (int word = 0; word < kWords; ++word) columns[word].store(of_tile + word * Word::kLanes);
  for (int column = 0; column < kColumns; ++column) totals.columns[tile.first_column + column] += of_tile[column];
}

/// The totals of all shares: a row meets every panel part, a column every row part.
struct Plan {
  PairGrid grid;
  int64_t packed_size;  // floats, of a share
  int64_t rows;
  int64_t padded_columns;

  int64_t packed_bytes() const { return grid.shares() * divided_up(packed_size, 16) * 64; }
  int64_t totals() const { return grid.shares() + grid.panel_parts * rows + grid.row_parts * padded_columns; }
  Totals totals_of(int share, double* all) const {
    double* const of_rows = all + grid.shares();
    double* const of_columns = of_rows + grid.panel_parts * rows;
    return {all + share, of_rows + share % grid.panel_parts * rows,
            of_columns + share / grid.panel_parts * padded_columns};
  }
};

HWY_INLINE Plan plan_of(const Admissibility& task, int threads) {
  const PairGrid grid = pair_grid(task.x, task.y, threads);
  return {grid, packed_size(task.y, grid), task.x.rows, panels_of(task.y) * kColumns};
}

/// out[i] = factor times the sum over parts of parts[part, i].
HWY_INLINE void join_parts(const double* parts, int count, int64_t stride, double factor, int64_t size, float* out) {
  for (int64_t i = 0; i < size; ++i) {
    double total = 0;
    for (int part = 0; part < count; ++part) total += parts[part * stride + i];
    out[i] = static_cast<float>(factor * total);
  }
}

}  // namespace

int64_t admissibility_workspace(const Admissibility& task, int threads) {
  const Plan plan = plan_of(task, threads);
  return plan.packed_bytes() + plan.totals() * static_cast<int64_t>(sizeof(double));
}

void admissibility_kernel(CostForm form, const Admissibility& task, int threads, void* workspace) {
  const Plan plan = plan_of(task, threads);
  const PairGrid grid = plan.grid;
  auto* packed = static_cast<char*>(workspace);
  auto* all = reinterpret_cast<double*>(packed + plan.packed_bytes());
  for (int64_t at = 0; at < plan.totals(); ++at) all[at] = 0;

  visit_form(form, [=, &task](const auto& cost) {
#pragma omp parallel for num_threads(grid.shares()) schedule(static, 1)
    for (int share = 0; share < grid.shares(); ++share) {
      const Totals totals = plan.totals_of(share, all);
      for_each_tile(cost, task.x, task.y, pair_share(task.x, task.y, grid, share), chunk_panels(task.y, grid),
                    reinterpret_cast<float*>(packed + plan.packed_bytes() / grid.shares() * share),
                    [&](const PairTile& tile) { add_tile(cost, task, tile, totals); });
    }
  });

  const double weight = 1 / (static_cast<double>(task.x.rows) * static_cast<double>(task.y.rows));
  const Totals first = plan.totals_of(0, all);
  join_parts(first.squares, grid.shares(), 1, weight, 1, task.value);
  join_parts(first.rows, grid.panel_parts, task.x.rows, -2 * weight, task.x.rows, task.phi_gradient);
  join_parts(first.columns, grid.row_parts, plan.padded_columns, -2 * weight, task.y.rows, task.psi_gradient);
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void admissibility(CpuStream& stream, const Cost& cost, Penalty penalty, Matrix<const float> x, Vector<const float> phi,
                   Matrix<const float> y, Vector<const float> psi, Vector<float> value, Vector<float> phi_gradient,
                   Vector<float> psi_gradient) {
  check_admissibility(x, phi, y, psi, value, phi_gradient, psi_gradient);
  const Admissibility task{penalty, x, phi.data, y, psi.data, value.data, phi_gradient.data, psi_gradient.data};
  with_cost_form(cost, [&](CostForm form) {
    void* workspace =
        stream.workspace(static_cast<size_t>(WASSERKERN_SIMD(admissibility_workspace)(task, stream.threads())));
    WASSERKERN_SIMD(admissibility_kernel)(form, task, stream.threads(), workspace);
  });
}

}  // namespace wasserkern

#endif
