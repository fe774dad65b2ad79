#include "kernels/c_transform.h"

#include <omp.h>

#include "kernels/cpu/pair_sum.h"

namespace wasserkern {

/// The arguments of c_transform, on their way into code that is compiled per instruction set.
struct CTransform {
  Matrix<const float> x;
  const float* phi;
  Matrix<const float> y;
  float* out;
  int32_t* argmin;
};

/// `threads` shares: the grid's columns divide the panels of y, its rows divide x.
struct CTransformGrid {
  int row_parts;
  int panel_parts;
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                                      //
    CTransformGrid c_transform_grid(const CTransform& task, int threads);                //
    int64_t c_transform_workspace(const CTransform& task, CTransformGrid grid);          //
    void c_transform_kernel(CostForm cost, const CTransform& task, CTransformGrid grid,  //
                            void* workspace);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

// The kernel is a matrix product with another inner operation: y is packed in panels, coordinate by coordinate, so that
// a word holds one coordinate of several rows of y; a register tile of kRows rows of x against one panel accumulates
// sums; a slice of a panel and a block of x stay in the second-level cache.

constexpr int kRows = Word::kLanes == 16 ? 8 : 4;  // of a register tile: as many sums as registers hold
constexpr int kWords = Word::kLanes == 1 ? 4 : 2;
constexpr int kColumns = kWords * Word::kLanes;  // of a panel
constexpr int64_t kSlice = 512;                  // coordinates summed before they join the total, against rounding too
constexpr int64_t kMaxBlockRows = 64;
constexpr int64_t kBlockBytes = 1 << 19;  // of x, about half of a second-level cache
constexpr int64_t kChunkBytes = 1 << 22;  // of packed panels that a thread keeps
constexpr int64_t kTermsPerThread = 1 << 16;

HWY_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
HWY_INLINE int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// What one thread does: rows of x against panels of y.
struct Share {
  int64_t first_row;
  int64_t last_row;
  int64_t first_panel;
  int64_t last_panel;
  float* packed;
  // The minimum so far and its place, for every column of y, padded to whole panels.
  float* best;
  int32_t* place;
};

int64_t panels_of(const CTransform& task) { return divided_up(task.y.rows, kColumns); }

int64_t chunk_panels(const CTransform& task, CTransformGrid grid) {
  const int64_t panel_bytes = kColumns * static_cast<int64_t>(sizeof(float)) * (task.y.columns + 1);
  return smaller(1 + kChunkBytes / panel_bytes, divided_up(panels_of(task), grid.panel_parts));
}

int64_t block_rows(const CTransform& task) {
  const int64_t fitting = kBlockBytes / (static_cast<int64_t>(sizeof(float)) * (task.x.columns + 1));
  return fitting < kRows ? kRows : smaller(kMaxBlockRows, fitting / kRows * kRows);
}

/// Four floats in any instruction set: a transposition gains nothing from more.
using Quad __attribute__((vector_size(16))) = float;

HWY_INLINE Quad load_quad(const float* from) {
  Quad quad;
  __builtin_memcpy(&quad, from, sizeof(Quad));
  return quad;
}

/// Four coordinates of four rows, transposed.
HWY_INLINE void transpose_4x4(const float* const* rows, int64_t k, float* out) {
  const Quad a = load_quad(rows[0] + k), b = load_quad(rows[1] + k);
  const Quad c = load_quad(rows[2] + k), d = load_quad(rows[3] + k);
  const Quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Quad columns[4] = {
      __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
      __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) __builtin_memcpy(out + i * kColumns, &columns[i], sizeof(Quad));
}

/// Packs rows [first, first + kColumns) of y; past the end the last row stands in.
void pack_panel(Matrix<const float> y, int64_t first, float* panel) {
  const float* rows[kColumns];
  for (int column = 0; column < kColumns; ++column)
    rows[column] = y.data + smaller(first + column, y.rows - 1) * y.stride;
  int64_t k = 0;
  for (; k + 4 <= y.columns; k += 4)
    for (int column = 0; column < kColumns; column += 4) transpose_4x4(rows + column, k, panel + k * kColumns + column);
  for (; k < y.columns; ++k)
    for (int column = 0; column < kColumns; ++column) panel[k * kColumns + column] = rows[column][k];
}

/// sums[row, column] += the terms of `depth` coordinates of kRows rows of x, each against all columns of a panel.
template <class Form>
HWY_INLINE void add_terms(const Form& cost, const float* const (&x)[kRows], const float* panel, int64_t depth,
                          float* sums) {
  Word tile[kRows][kWords];
  for (int row = 0; row < kRows; ++row)
    for (int word = 0; word < kWords; ++word) tile[row][word] = Word(0.0f);
  for (int64_t k = 0; k < depth; ++k) {
    Word y[kWords];
    for (int word = 0; word < kWords; ++word) y[word] = Word::load_aligned(panel + k * kColumns + word * Word::kLanes);
    for (int row = 0; row < kRows; ++row) {
      const Word x_row(x[row][k]);
      for (int word = 0; word < kWords; ++word) tile[row][word] = cost.add_term(tile[row][word], x_row, y[word]);
    }
  }
  for (int row = 0; row < kRows; ++row)
    for (int word = 0; word < kWords; ++word) {
      float* sum = sums + row * kColumns + word * Word::kLanes;
      (Word::load_aligned(sum) + tile[row][word]).store(sum);
    }
}

/// Fills sums [rows rounded up to kRows, kColumns] for `rows` rows of x against a panel. A cost that is no sum over
/// coordinates overloads this.
template <class Form>
void fill_tile(const Form& cost, Matrix<const float> x, int64_t first_row, int64_t rows, const float* panel,
               float* sums) {
  const int64_t padded = divided_up(rows, kRows) * kRows;
  for (int64_t at = 0; at < padded * kColumns; ++at) sums[at] = 0;
  const int64_t slices = divided_up(x.columns, kSlice);
  for (int64_t slice = 0; slice < slices; ++slice) {
    const int64_t begin = x.columns * slice / slices;
    const int64_t end = x.columns * (slice + 1) / slices;
    for (int64_t row = 0; row < padded; row += kRows) {
      const float* tile_rows[kRows];
      for (int r = 0; r < kRows; ++r)
        tile_rows[r] = x.data + (first_row + smaller(row + r, rows - 1)) * x.stride + begin;
      add_terms(cost, tile_rows, panel + begin * kColumns, end - begin, sums + row * kColumns);
    }
  }
}

/// Costs from sums of which some are not trusted: these pairs are taken up again, one by one.
template <class Form>
HWY_NOINLINE Word careful_costs(const Form& cost, const CTransform& task, int64_t row, int64_t column, Word sum) {
  alignas(64) float sums[Word::kLanes];
  alignas(64) float costs[Word::kLanes];
  sum.store(sums);
  cost.finish(sum, 1).store(costs);
  for (int lane = 0; lane < Word::kLanes && column + lane < task.y.rows; ++lane) {
    if (all(cost.trusted(sums[lane]))) continue;
    const float* x = task.x.data + row * task.x.stride;
    const float* y = task.y.data + (column + lane) * task.y.stride;
    const PairSum pair = pair_sum(cost, x, y, task.x.columns);
    costs[lane] = cost.finish(pair.sum, pair.unit);
  }
  return Word::load_aligned(costs);
}

/// Takes the costs of rows [first_row, first_row + rows) into the minima of one word of columns.
template <class Form>
HWY_INLINE void fold_rows(const Form& cost, const CTransform& task, int64_t first_row, int64_t rows, int64_t column,
                          const float* sums, float* best_values, int32_t* best_places) {
  constexpr Word::Tag tag;
  constexpr Word::IntTag int_tag;
  auto best = hn::Load(tag, best_values);
  auto place = hn::Load(int_tag, best_places);
  for (int64_t row = first_row; row < first_row + rows; ++row, sums += kColumns) {
    const Word sum = Word::load_aligned(sums);
    const Word costs = all(cost.trusted(sum)) ? cost.finish(sum, 1) : careful_costs(cost, task, row, column, sum);
    const Word value = costs - Word(task.phi[row]);
    // Less, or the first NaN: rows come in order, so that ties keep the lowest.
    const auto wins = hn::AndNot(hn::Ge(value.v, best), hn::Eq(best, best));
    best = hn::IfThenElse(wins, value.v, best);
    place = hn::IfThenElse(hn::RebindMask(int_tag, wins), hn::Set(int_tag, static_cast<int32_t>(row)), place);
  }
  hn::Store(best, tag, best_values);
  hn::Store(place, int_tag, best_places);
}

template <class Form>
void work(const Form& cost, const CTransform& task, int64_t chunk, const Share& share) {
  alignas(64) float sums[kMaxBlockRows * kColumns];
  const int64_t d = task.x.columns;
  const int64_t block = block_rows(task);
  for (int64_t column = share.first_panel * kColumns; column < share.last_panel * kColumns; ++column) {
    share.best[column] = HUGE_VALF;
    share.place[column] = 0;
  }
  for (int64_t begin = share.first_panel; begin < share.last_panel; begin += chunk) {
    const int64_t end = smaller(begin + chunk, share.last_panel);
    for (int64_t panel = begin; panel < end; ++panel)
      pack_panel(task.y, panel * kColumns, share.packed + (panel - begin) * d * kColumns);
    for (int64_t row = share.first_row; row < share.last_row; row += block) {
      const int64_t rows = smaller(block, share.last_row - row);
      for (int64_t panel = begin; panel < end; ++panel) {
        fill_tile(cost, task.x, row, rows, share.packed + (panel - begin) * d * kColumns, sums);
        for (int word = 0; word < kWords; ++word) {
          const int64_t column = panel * kColumns + word * Word::kLanes;
          fold_rows(cost, task, row, rows, column, sums + word * Word::kLanes, share.best + column,
                    share.place + column);
        }
      }
    }
  }
}

/// The better of two minima, by the contract of c_transform; places ascend from part to part.
HWY_INLINE bool replaces(float value, float best) { return !(value >= best) && best == best; }

/// out and argmin from the minima of the grid's row parts.
void merge(const CTransform& task, int row_parts, int64_t padded_columns, const float* best, const int32_t* place) {
  for (int64_t column = 0; column < task.y.rows; ++column) {
    int64_t winner = column;
    for (int part = 1; part < row_parts; ++part) {
      const int64_t other = part * padded_columns + column;
      if (replaces(best[other], best[winner])) winner = other;
    }
    task.out[column] = best[winner];
    task.argmin[column] = place[winner];
  }
}

}  // namespace

/// The split with the least work for the busiest thread, then the one that reads the fewest rows.
CTransformGrid c_transform_grid(const CTransform& task, int threads) {
  const int64_t terms = task.x.rows * task.y.rows * (task.x.columns + 1);
  const int64_t tiles = divided_up(task.x.rows, kRows);
  const int64_t panels = panels_of(task);
  const int parts = static_cast<int>(smaller(threads, 1 + terms / kTermsPerThread));
  CTransformGrid best{1, 1};
  int64_t least_work = tiles * panels;
  int64_t least_traffic = INT64_MAX;
  for (int panel_parts = parts; panel_parts >= 1; --panel_parts) {
    const CTransformGrid grid{parts / panel_parts, panel_parts};
    const int64_t work = divided_up(tiles, grid.row_parts) * divided_up(panels, panel_parts);
    const int64_t traffic = panel_parts * task.x.rows + grid.row_parts * task.y.rows;
    if (work < least_work || (work == least_work && traffic < least_traffic)) {
      best = grid;
      least_work = work;
      least_traffic = traffic;
    }
  }
  return best;
}

int64_t c_transform_workspace(const CTransform& task, CTransformGrid grid) {
  const int64_t shares = grid.row_parts * grid.panel_parts;
  const int64_t packed = shares * chunk_panels(task, grid) * kColumns * task.x.columns;
  const int64_t minima = grid.row_parts * panels_of(task) * kColumns;
  return (packed + 2 * minima) * static_cast<int64_t>(sizeof(float));
}

void c_transform_kernel(CostForm form, const CTransform& task, CTransformGrid grid, void* workspace) {
  const int shares = grid.row_parts * grid.panel_parts;
  const int64_t chunk = chunk_panels(task, grid);
  const int64_t packed_size = chunk * kColumns * task.x.columns;
  const int64_t tiles = divided_up(task.x.rows, kRows);
  const int64_t panels = panels_of(task);
  const int64_t padded_columns = panels * kColumns;
  auto* packed = static_cast<float*>(workspace);
  auto* best = packed + shares * packed_size;
  auto* place = reinterpret_cast<int32_t*>(best + grid.row_parts * padded_columns);
  visit_form(form, [=, &task](const auto& cost) {
#pragma omp parallel for num_threads(shares) schedule(static, 1)
    for (int index = 0; index < shares; ++index) {
      const int row_part = index / grid.panel_parts;
      const int panel_part = index % grid.panel_parts;
      work(cost, task, chunk,
           {tiles * row_part / grid.row_parts * kRows,
            smaller(tiles * (row_part + 1) / grid.row_parts * kRows, task.x.rows),
            panels * panel_part / grid.panel_parts, panels * (panel_part + 1) / grid.panel_parts,
            packed + index * packed_size, best + row_part * padded_columns, place + row_part * padded_columns});
    }
  });
  merge(task, grid.row_parts, padded_columns, best, place);
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void c_transform(CpuStream& stream, const Cost& cost, Matrix<const float> x, Vector<const float> phi,
                 Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  check_c_transform(x, phi, y, out, argmin);
  const CTransform task{x, phi.data, y, out.data, argmin.data};
  const CTransformGrid grid = WASSERKERN_SIMD(c_transform_grid)(task, stream.threads());
  void* workspace = stream.workspace(static_cast<size_t>(WASSERKERN_SIMD(c_transform_workspace)(task, grid)));
  with_cost_form(cost, [&](CostForm form) { WASSERKERN_SIMD(c_transform_kernel)(form, task, grid, workspace); });
}

}  // namespace wasserkern

#endif
