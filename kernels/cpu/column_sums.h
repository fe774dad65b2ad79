#pragma once

// Sums over the rows of x of something of every pair, for every row of y: one pass over the tiles, nothing stored.

#include "kernels/cpu/pair_tiles.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// How the threads divide such sums. Every part of the rows of x has a state for every column, padded to whole panels.
struct ColumnSumPlan {
  PairGrid grid;
  int workers;
  int64_t worker_size;     // floats of packed panels
  int64_t padded_columns;  // of y

  HWY_INLINE ColumnSumPlan(Matrix<const float> x, Matrix<const float> y, int threads)
      : grid(sum_grid(x, y, busy_threads(x, y, threads))),
        workers(static_cast<int>(smaller(grid.shares(), busy_threads(x, y, threads)))),
        worker_size(packed_size(y, grid)),
        padded_columns(panels_of(y) * kColumns) {}

  /// For `states` floats of state.
  HWY_INLINE int64_t floats(int states) const { return workers * worker_size + states * state_size(); }
  HWY_INLINE int64_t state_size() const { return grid.row_parts * padded_columns; }
  HWY_INLINE float* state(float* workspace, int index) const {
    return workspace + workers * worker_size + index * state_size();
  }
};

/// Calls fold(tile, word, at) for every word of every tile, `at` being the place of its columns' states. A column's
/// tiles come in the order of rows, part by part; the order depends on the shapes only, not on the threads.
template <class Form, class Fold>
HWY_INLINE void fold_columns(const ColumnSumPlan& plan, const Form& cost, Matrix<const float> x, Matrix<const float> y,
                             float* workspace, Fold fold) {
#pragma omp parallel for num_threads(plan.workers) schedule(static, 1)
  for (int worker = 0; worker < plan.workers; ++worker)
    for (int index = worker; index < plan.grid.shares(); index += plan.workers) {
      const int64_t first_state = index / plan.grid.panel_parts * plan.padded_columns;
      for_each_tile(cost, x, y, pair_share(x, y, plan.grid, index), chunk_panels(y, plan.grid),
                    workspace + worker * plan.worker_size, [&](const PairTile& tile) {
                      for (int word = 0; word < kWords; ++word)
                        fold(tile, word, first_state + tile.first_column + word * Word::kLanes);
                    });
    }
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
