#pragma once

// The gradient with respect to filters: for every output channel the sum over pixels of its gradient times the patch
// that the pixel's window sees, laid out as a filter is. A panel of coordinates of some patches is copied together, so
// that it stays in the first-level cache while all output channels pass.

#include "kernels/convolution.h"
#include "kernels/cpu/pair_grid.h"
#include "kernels/cpu/simd.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int kChannels = Word::kLanes == 16 ? 12 : 6;  // of a register tile
constexpr int kPatchWords = 2;
constexpr int64_t kPatchColumns = kPatchWords * Word::kLanes;  // of a panel
constexpr int64_t kPatches = 256;  // summed before they join the total, against rounding too
constexpr int64_t kPanelFloats = kPatches * kPatchColumns;

HWY_INLINE PairTiling patch_tiling(FilterView<const float> w) {
  return {w.outputs, w.height * w.width * w.inputs, kChannels, kPatchColumns};
}

/// Where a panel's columns begin. With whole panels of channels the taps of the same channels follow each other, so
/// that these channels of the images stay in the second-level cache.
HWY_INLINE int64_t panel_column(FilterView<const float> w, int64_t panel) {
  if (w.inputs % kPatchColumns != 0) return panel * kPatchColumns;
  const int64_t taps = w.height * w.width;
  return panel % taps * w.inputs + panel / taps * kPatchColumns;
}

/// Columns of patches that lie side by side in the images: from float `begin` of row `row` of the windows on.
struct PatchRun {
  int64_t row, begin, size;
  int64_t room;  // up to the end of the panel, for columns that are written later
};

/// Copies a run of `count` patches that lie side by side, the first of which sees float `begin` of an image's row of
/// `width` floats and each other one `step` further; null is a row of zeros, which are around every row as well. Writes
/// whole words where there is room.
HWY_INLINE void copy_patches(const float* row, int64_t width, int64_t begin, int64_t step, int64_t size, int64_t room,
                             int64_t count, float* panel) {
  for (int64_t patch = 0; patch < count; ++patch, begin += step, panel += kPatchColumns) {
    const bool inside = row && begin >= 0 && begin + size <= width;
    if (inside && size == kPatchColumns) {
      for (int word = 0; word < kPatchWords; ++word)
        Word::load(row + begin + word * Word::kLanes).store(panel + word * Word::kLanes);
    } else if (inside) {
      for (int64_t k = 0; k < size; k += Word::kLanes) {
        const float* from = row + begin + k;
        const Word word = begin + k + Word::kLanes <= width ? Word::load(from)
                                                            : Word::load_first(from, smaller(size - k, Word::kLanes));
        if (k + Word::kLanes <= room)
          word.store(panel + k);
        else
          word.store_up_to(panel + k, size - k);
      }
    } else {
      for (int64_t k = 0; k < size; ++k) panel[k] = row && begin + k >= 0 && begin + k < width ? row[begin + k] : 0;
    }
  }
}

/// A run of patches [first, first + count).
HWY_INLINE void pack_run(const Window& window, ImageView<const float> x, int64_t y_height, int64_t y_width,
                         const PatchRun& run, int64_t first, int64_t count, float* panel) {
  const int64_t width = x.width * x.channels;
  int64_t j = first % y_width;
  for (int64_t patch = 0; patch < count;) {
    const int64_t i = (first + patch) / y_width % y_height, n = (first + patch) / y_width / y_height;
    const int64_t row = i * window.stride + run.row - window.padding;
    const int64_t line = smaller(y_width - j, count - patch);
    copy_patches(row >= 0 && row < x.height ? x.data + (n * x.height + row) * width : nullptr, width,
                 (j * window.stride - window.padding) * x.channels + run.begin, window.stride * x.channels, run.size,
                 run.room, line, panel + patch * kPatchColumns);
    patch += line;
    j = 0;
  }
}

/// Columns [column, column + kPatchColumns) of patches [first, first + count), as far as there are columns.
HWY_INLINE void pack_patches(const Window& window, ImageView<const float> x, FilterView<const float> w,
                             int64_t y_height, int64_t y_width, int64_t first, int64_t count, int64_t column,
                             float* panel) {
  const int64_t filter_row = w.width * w.inputs, end = smaller(column + kPatchColumns, w.height * filter_row);
  for (int64_t at = column; at < end;) {
    const int64_t row = at / filter_row, begin = at - row * filter_row, size = smaller(filter_row - begin, end - at);
    pack_run(window, x, y_height, y_width, {row, begin, size, kPatchColumns - (at - column)}, first, count,
             panel + at - column);
    at += size;
  }
}

/// Adds the sums over `patches` of kRows channels of y times a panel to rows of w; `begins` overwrites.
template <int kRows>
HWY_NOINLINE void patch_tile(const float* y, int64_t y_stride, int64_t ahead, const float* panel, int64_t patches,
                             bool begins, float* w, int64_t w_stride, int64_t columns) {
  Word tile[kRows][kPatchWords];
  for (int row = 0; row < kRows; ++row)
    for (int word = 0; word < kPatchWords; ++word) {
      tile[row][word] = Word(0.0f);
      __builtin_prefetch(w + row * w_stride + word * Word::kLanes, 1);
    }
  for (int64_t patch = 0; patch < patches; ++patch, y += y_stride, panel += kPatchColumns) {
    __builtin_prefetch(y + ahead, 0, 1);
    Word x[kPatchWords];
    for (int word = 0; word < kPatchWords; ++word) x[word] = Word::load_aligned(panel + word * Word::kLanes);
    for (int row = 0; row < kRows; ++row) {
      const Word factor(y[row]);
      for (int word = 0; word < kPatchWords; ++word) tile[row][word] = multiply_add(factor, x[word], tile[row][word]);
    }
  }
  for (int row = 0; row < kRows; ++row)
    for (int word = 0; word < kPatchWords; ++word) {
      const int64_t left = columns - word * Word::kLanes;
      if (left <= 0) break;
      float* to = w + row * w_stride + word * Word::kLanes;
      (begins ? tile[row][word] : Word::load_up_to(to, left) + tile[row][word]).store_up_to(to, left);
    }
}

template <int kRows = kChannels>
HWY_INLINE void patch_tile_of(int64_t rows, const float* y, int64_t y_stride, int64_t ahead, const float* panel,
                              int64_t patches, bool begins, float* w, int64_t w_stride, int64_t columns) {
  if constexpr (kRows > 1)
    if (rows < kRows)
      return patch_tile_of<kRows - 1>(rows, y, y_stride, ahead, panel, patches, begins, w, w_stride, columns);
  patch_tile<kRows>(y, y_stride, ahead, panel, patches, begins, w, w_stride, columns);
}

/// A share of the filters: channels [first_row, last_row) and panels of coordinates.
HWY_INLINE void patch_share(const Window& window, ImageView<const float> x, ImageView<const float> y,
                            FilterView<float> w, const PairShare& share, float* panel) {
  const int64_t all = y.count * y.height * y.width, coordinates = w.height * w.width * w.inputs;
  const int64_t channels = share.last_row - share.first_row, tiles = divided_up(channels, kChannels);
  for (int64_t first = 0; first < all; first += kPatches) {
    const int64_t patches = smaller(kPatches, all - first);
    for (int64_t at = share.first_panel; at < share.last_panel; ++at) {
      const int64_t column = panel_column(w, at);
      pack_patches(window, x, w, y.height, y.width, first, patches, column, panel);
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t row = share.first_row + channels * tile / tiles;
        patch_tile_of<>(share.first_row + channels * (tile + 1) / tiles - row, y.data + first * y.channels + row,
                        y.channels, at == share.first_panel ? kPatches * y.channels : 0, panel, patches, first == 0,
                        w.data + row * coordinates + column, coordinates, coordinates - column);
      }
    }
  }
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
