#include "kernels/nearest.h"

#include "kernels/cpu/pair_tiles.h"
#include "kernels/nearest_list.h"

namespace wasserkern {

/// The arguments of nearest, on their way into code that is compiled per instruction set.
struct Neighbours {
  Matrix<const float> x;
  Matrix<const float> y;
  Matrix<float> values;
  Matrix<int32_t> indices;
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                  //
    int64_t nearest_workspace(const Neighbours& task, int threads);  //
    void nearest_kernel(CostForm cost, const Neighbours& task, int threads, void* workspace);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// The lists of a row part's columns, and apart from them their last entries: what a cost must precede to be taken.
struct Lists {
  float* last;    // [n, padded to whole panels]
  float* values;  // [n, k]
  int32_t* rows;  // [n, k]
  int64_t size;   // k

  HWY_INLINE NearestList of(int64_t column) const { return {values + column * size, rows + column * size, 1, size}; }
};

/// Takes the costs of a tile into the lists of one word of its columns. Most are too far off, which a whole word sees
/// at once.
template <class Form>
HWY_INLINE void fold_word(const Form& cost, const Neighbours& task, const PairTile& tile, int word, Lists lists) {
  constexpr Word::Tag tag;
  const int64_t column = tile.first_column + word * Word::kLanes;
  const float* sums = tile.sums + word * Word::kLanes;
  auto last = hn::Load(tag, lists.last + column);
  for (int64_t row = tile.first_row; row < tile.first_row + tile.rows; ++row, sums += kColumns) {
    const Word costs = costs_of(cost, task.x, task.y, row, column, Word::load_aligned(sums));
    if (hn::AllFalse(tag, hn::AndNot(hn::Ge(costs.v, last), hn::Eq(last, last)))) continue;
    alignas(64) float of_lanes[Word::kLanes];
    costs.store(of_lanes);
    for (int lane = 0; lane < Word::kLanes && column + lane < task.y.rows; ++lane) {
      const NearestList list = lists.of(column + lane);
      if (!NearestList::precedes(of_lanes[lane], list.last())) continue;
      list.insert(of_lanes[lane], static_cast<int32_t>(row));
      lists.last[column + lane] = list.last();
    }
    last = hn::Load(tag, lists.last + column);
  }
}

template <class Form>
void find(const Form& cost, const Neighbours& task, const PairShare& share, int64_t chunk, float* packed, Lists lists) {
  const int64_t first = share.first_panel * kColumns, end = share.last_panel * kColumns;
  for (int64_t column = first; column < end; ++column) {
    lists.last[column] = column < task.y.rows ? HUGE_VALF : -HUGE_VALF;  // padding takes nothing but NaN
    if (column < task.y.rows) lists.of(column).clear();
  }
  for_each_tile(cost, task.x, task.y, share, chunk, packed, [&](const PairTile& tile) {
    for (int word = 0; word < kWords; ++word) fold_word(cost, task, tile, word, lists);
  });
}

/// The threads' shares, and where they keep what they need.
struct Plan {
  PairGrid grid;
  int64_t packed_size;     // floats, of a share
  int64_t padded_columns;  // of a row part
  int64_t entries;         // of a row part's lists

  /// Four-byte numbers.
  int64_t size() const { return grid.shares() * packed_size + grid.row_parts * (padded_columns + 2 * entries); }
};

HWY_INLINE Plan plan_of(const Neighbours& task, int threads) {
  const PairGrid grid = pair_grid(task.x, task.y, threads);
  return {grid, packed_size(task.y, grid), panels_of(task.y) * kColumns, task.y.rows * task.values.columns};
}

}  // namespace

int64_t nearest_workspace(const Neighbours& task, int threads) {
  return plan_of(task, threads).size() * static_cast<int64_t>(sizeof(float));
}

void nearest_kernel(CostForm form, const Neighbours& task, int threads, void* workspace) {
  const Plan plan = plan_of(task, threads);
  const PairGrid grid = plan.grid;
  const int64_t k = task.values.columns;
  auto* packed = static_cast<float*>(workspace);
  float* last = packed + grid.shares() * plan.packed_size;
  float* values = last + grid.row_parts * plan.padded_columns;
  auto* rows = reinterpret_cast<int32_t*>(values + grid.row_parts * plan.entries);
  const auto lists_of = [=](int64_t part) {
    return Lists{last + part * plan.padded_columns, values + part * plan.entries, rows + part * plan.entries, k};
  };

  visit_form(form, [=, &task](const auto& cost) {
#pragma omp parallel for num_threads(grid.shares()) schedule(static, 1)
    for (int share = 0; share < grid.shares(); ++share)
      find(cost, task, pair_share(task.x, task.y, grid, share), chunk_panels(task.y, grid),
           packed + share * plan.packed_size, lists_of(share / grid.panel_parts));
  });

  for (int64_t column = 0; column < task.y.rows; ++column) {
    const NearestList all = lists_of(0).of(column);
    for (int part = 1; part < grid.row_parts; ++part) all.merge(lists_of(part).of(column));
    all.complete();
    for (int64_t at = 0; at < k; ++at) {
      task.values.data[column * task.values.stride + at] = all.values[at];
      task.indices.data[column * task.indices.stride + at] = all.rows[at];
    }
  }
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void nearest(CpuStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y, Matrix<float> values,
             Matrix<int32_t> indices) {
  check_nearest(x, y, values, indices);
  const Neighbours task{x, y, values, indices};
  with_cost_form(cost, [&](CostForm form) {
    void* workspace = stream.workspace(static_cast<size_t>(WASSERKERN_SIMD(nearest_workspace)(task, stream.threads())));
    WASSERKERN_SIMD(nearest_kernel)(form, task, stream.threads(), workspace);
  });
}

}  // namespace wasserkern

#endif
