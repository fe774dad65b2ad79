#pragma once

// All pairs of rows of x and y, tile by tile: what is common to kernels that take a cost matrix in and never store it.
// The loops are those of a matrix product with another inner operation: y is packed in panels, coordinate by
// coordinate, so that a word holds one coordinate of several rows of y; a register tile of kRows rows of x against one
// panel accumulates sums; a slice of a panel and a block of x stay in the second-level cache.

#include "kernels/cpu/pack_columns.h"
#include "kernels/cpu/pair_grid.h"
#include "kernels/cpu/pair_sum.h"
#include "kernels/view.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int kRows = Word::kLanes == 16 ? 8 : 4;  // of a register tile: as many sums as registers hold
constexpr int kWords = Word::kLanes == 1 ? 4 : 2;
constexpr int kColumns = kWords * Word::kLanes;  // of a panel
constexpr int64_t kSlice = 512;                  // coordinates summed before they join the total, against rounding too
constexpr int64_t kMaxBlockRows = 64;
constexpr int64_t kBlockBytes = 1 << 19;  // of x, about half of a second-level cache
constexpr int64_t kChunkBytes = 1 << 22;  // of packed panels that a thread keeps
constexpr int64_t kTermsPerThread = 1 << 16;
constexpr int64_t kSumShares = 16;  // of a sum over rows, if the panels are fewer
constexpr int64_t kSumRows = 128;   // that are worth a part of such a sum

/// Rows [first_row, first_row + rows) of x against the packed panel of the kColumns columns from first_column.
struct PairBlock {
  int64_t first_row;
  int64_t rows;
  int64_t first_column;
  const float* panel;
};

/// Sums of terms of rows [first_row, first_row + rows) of x and the kColumns columns from first_column, row by row;
/// past the last row of y there are columns without meaning.
struct PairTile {
  int64_t first_row;
  int64_t rows;
  int64_t first_column;
  const float* sums;  // [rows, kColumns]; costs_of makes costs of them
};

HWY_INLINE PairTiling tiling_of(Matrix<const float> x, Matrix<const float> y) {
  return {x.rows, y.rows, kRows, kColumns};
}

HWY_INLINE int64_t panels_of(Matrix<const float> y) { return divided_up(y.rows, kColumns); }

/// As many threads as all pairs keep busy.
HWY_INLINE int busy_threads(Matrix<const float> x, Matrix<const float> y, int threads) {
  return static_cast<int>(smaller(threads, 1 + x.rows * y.rows * (x.columns + 1) / kTermsPerThread));
}

HWY_INLINE PairGrid pair_grid(Matrix<const float> x, Matrix<const float> y, int threads) {
  return divide_pairs(tiling_of(x, y), busy_threads(x, y, threads));
}

/// As pair_grid, for sums over the rows of x: their parts depend on the shapes alone, and so does the order of adding.
HWY_INLINE PairGrid sum_grid(Matrix<const float> x, Matrix<const float> y, int threads) {
  const int64_t panels = larger(panels_of(y), 1);
  const int64_t row_parts = larger(1, smaller(kSumShares / panels, x.rows / kSumRows));
  return {static_cast<int>(row_parts), static_cast<int>(smaller(panels, divided_up(threads, row_parts)))};
}

HWY_INLINE PairShare pair_share(Matrix<const float> x, Matrix<const float> y, PairGrid grid, int index) {
  return share_of(tiling_of(x, y), grid, index);
}

/// Panels that a thread packs at a time.
HWY_INLINE int64_t chunk_panels(Matrix<const float> y, PairGrid grid) {
  const int64_t panel_bytes = kColumns * static_cast<int64_t>(sizeof(float)) * (y.columns + 1);
  return smaller(1 + kChunkBytes / panel_bytes, divided_up(panels_of(y), grid.panel_parts));
}

/// Floats that a share needs for its packed panels; a multiple of kColumns.
HWY_INLINE int64_t packed_size(Matrix<const float> y, PairGrid grid) {
  return chunk_panels(y, grid) * kColumns * y.columns;
}

HWY_INLINE int64_t block_rows(Matrix<const float> x) {
  const int64_t fitting = kBlockBytes / (static_cast<int64_t>(sizeof(float)) * (x.columns + 1));
  return fitting < kRows ? kRows : smaller(kMaxBlockRows, fitting / kRows * kRows);
}

/// Packs rows [first, first + kColumns) of y; past the end the last row stands in.
HWY_INLINE void pack_panel(Matrix<const float> y, int64_t first, float* panel) {
  pack_columns<kColumns>(y, first, panel);
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

/// Fills sums [rows rounded up to kRows, kColumns] for `rows` rows of x against a packed panel. A cost that is no sum
/// over coordinates overloads this.
template <class Form>
HWY_INLINE void fill_tile(const Form& cost, Matrix<const float> x, int64_t first_row, int64_t rows, const float* panel,
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

constexpr int64_t kShort = 16;                          // rows below which packing does not pay
constexpr int kShortRows = Word::kLanes == 16 ? 4 : 2;  // of a register tile of whole pairs
constexpr int kShortColumns = 4;

/// Whether one side is so short that packing the other would cost more than it saves.
HWY_INLINE bool is_short(Matrix<const float> x, Matrix<const float> y) { return x.rows <= kShort || y.rows <= kShort; }

/// As fill_tile, from rows of y as they lie in memory: a word holds several coordinates of one pair.
template <class Form>
HWY_INLINE void fill_short_tile(const Form& cost, Matrix<const float> x, int64_t first_row, int64_t rows,
                                Matrix<const float> y, int64_t first_column, float* sums) {
  const int64_t columns = smaller(kColumns, y.rows - first_column);
  for (int64_t row = 0; row < rows; row += kShortRows)
    for (int64_t column = 0; column < columns; column += kShortColumns) {
      const float *x_rows[kShortRows], *y_rows[kShortColumns];
      for (int r = 0; r < kShortRows; ++r) x_rows[r] = x.data + (first_row + smaller(row + r, rows - 1)) * x.stride;
      for (int c = 0; c < kShortColumns; ++c)
        y_rows[c] = y.data + (first_column + smaller(column + c, columns - 1)) * y.stride;
      Word tile[kShortRows][kShortColumns];
      for (int r = 0; r < kShortRows; ++r)
        for (int c = 0; c < kShortColumns; ++c) tile[r][c] = Word(0.0f);
      const auto add = [&](int64_t k, auto load) {
        Word y_words[kShortColumns];
        for (int c = 0; c < kShortColumns; ++c) y_words[c] = load(y_rows[c] + k);
        for (int r = 0; r < kShortRows; ++r) {
          const Word x_word = load(x_rows[r] + k);
          for (int c = 0; c < kShortColumns; ++c) tile[r][c] = cost.add_term(tile[r][c], x_word, y_words[c]);
        }
      };
      int64_t k = 0;
      for (; k + Word::kLanes <= x.columns; k += Word::kLanes) add(k, [](const float* at) { return Word::load(at); });
      if (const int64_t left = x.columns - k; left > 0)
        add(k, [left](const float* at) { return Word::load_first(at, left); });
      for (int r = 0; r < kShortRows && row + r < rows; ++r)
        for (int c = 0; c < kShortColumns && column + c < columns; ++c)
          sums[(row + r) * kColumns + column + c] = tile[r][c].sum();
    }
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = columns; column < kColumns; ++column)
      sums[row * kColumns + column] = sums[row * kColumns + columns - 1];
}

/// Costs from sums of which some are not trusted: these pairs are taken up again, one by one.
template <class Form>
HWY_NOINLINE Word careful_costs(const Form& cost, Matrix<const float> x, Matrix<const float> y, int64_t row,
                                int64_t column, Word sum) {
  alignas(64) float sums[Word::kLanes];
  alignas(64) float costs[Word::kLanes];
  sum.store(sums);
  cost.finish(sum, 1).store(costs);
  for (int lane = 0; lane < Word::kLanes && column + lane < y.rows; ++lane) {
    if (all(cost.trusted(sums[lane]))) continue;
    const PairSum pair = pair_sum(cost, x.data + row * x.stride, y.data + (column + lane) * y.stride, x.columns);
    costs[lane] = cost.finish(pair.sum, pair.unit);
  }
  return Word::load_aligned(costs);
}

/// The costs of row `row` against the columns from `column`, given their sums.
template <class Form>
HWY_INLINE Word costs_of(const Form& cost, Matrix<const float> x, Matrix<const float> y, int64_t row, int64_t column,
                         Word sum) {
  return all(cost.trusted(sum)) ? cost.finish(sum, 1) : careful_costs(cost, x, y, row, column, sum);
}

/// Packs a share's panels by chunks; calls `use` with the part of the share that is packed. `packed` has
/// packed_size(y, grid) floats, aligned to 64 bytes.
template <class Use>
HWY_INLINE void for_each_chunk(Matrix<const float> y, const PairShare& share, int64_t chunk, float* packed, Use use) {
  for (int64_t begin = share.first_panel; begin < share.last_panel; begin += chunk) {
    const int64_t end = smaller(begin + chunk, share.last_panel);
    for (int64_t panel = begin; panel < end; ++panel)
      pack_panel(y, panel * kColumns, packed + (panel - begin) * y.columns * kColumns);
    use(PairShare{share.first_row, share.last_row, begin, end});
  }
}

/// Calls `use(block)` for every block of a packed share; rows ascend, so that a column meets its rows in order.
template <class Use>
HWY_INLINE void for_each_block(Matrix<const float> x, const PairShare& share, const float* packed, Use use) {
  const int64_t step = block_rows(x);
  for (int64_t row = share.first_row; row < share.last_row; row += step)
    for (int64_t panel = share.first_panel; panel < share.last_panel; ++panel)
      use(PairBlock{row, smaller(step, share.last_row - row), panel * kColumns,
                    packed + (panel - share.first_panel) * x.columns * kColumns});
}

/// Calls `use(tile)` for every tile of a share, in the order of blocks.
template <class Form, class Use>
HWY_INLINE void for_each_tile(const Form& cost, Matrix<const float> x, Matrix<const float> y, const PairShare& share,
                              int64_t chunk, float* packed, Use use) {
  alignas(64) float sums[kMaxBlockRows * kColumns];
  if (is_short(x, y))
    return for_each_block(x, share, packed, [&](const PairBlock& block) {
      fill_short_tile(cost, x, block.first_row, block.rows, y, block.first_column, sums);
      use(PairTile{block.first_row, block.rows, block.first_column, sums});
    });
  for_each_chunk(y, share, chunk, packed, [&](const PairShare& ready) {
    for_each_block(x, ready, packed, [&](const PairBlock& block) {
      fill_tile(cost, x, block.first_row, block.rows, block.panel, sums);
      use(PairTile{block.first_row, block.rows, block.first_column, sums});
    });
  });
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
