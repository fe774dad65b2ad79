#pragma once

// The passes of a convolution that read filters, as matrix products of patches and filters in which no patch is ever
// stored. In images of NHWC a row of a window is contiguous, so that a register tile of kPixels outputs reads its
// factors from as many addresses in the images themselves. The filters are packed in panels, output channels side by
// side.

#include <hwy/cache_control.h>

#include "kernels/cpu/gather_pass.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int kPixels = Word::kLanes == 16 ? 12 : 6;  // of a register tile
constexpr int64_t kCachedFloats = 1 << 16;            // of filters that stay in the second-level cache beside a block
constexpr int64_t kShortSum = 128;                    // terms, for writing past the caches
constexpr int64_t kManyOutputs = 1 << 20;

/// Whether outputs are better written past the caches: so many that the next pass finds few of them there, of sums so
/// short that fetching the lines to be overwritten would take longer.
HWY_INLINE bool writes_past_caches(const GatherPass& pass, const ImageView<float>& to) {
  constexpr int64_t kLine = 16;  // floats that a tile must write together
  const int64_t terms = pass.rows.reach() * pass.columns.reach() * pass.depth;
  return !pass.joined && terms <= kShortSum && to.size() > kManyOutputs && pass.words() * Word::kLanes >= kLine &&
         pass.channels % (pass.words() * Word::kLanes) == 0 && reinterpret_cast<uintptr_t>(to.data) % 64 == 0;
}

/// What a pass does to a sum before it stores it, and how it does.
struct GatherEpilogue {
  const float* bias;  // for every output of a product, or null
  bool leaky;
  float slope;
  bool streamed;  // past the caches: only whole words to aligned addresses

  HWY_INLINE Word operator()(Word sum, int64_t output, int64_t left) const {
    if (bias) sum = sum + Word::load_up_to(bias + output, left);
    return leaky ? select_greater(sum, Word(0.0f), sum, Word(slope) * sum) : sum;
  }
  HWY_INLINE void store(Word sum, int64_t output, int64_t left, float* to) const {
    const Word value = (*this)(sum, output, left);
    streamed ? value.stream(to + output) : value.store_up_to(to + output, left);
  }
};

/// A product of a block: its windows against a panel.
struct GatherTask {
  const float* seen;
  int64_t run;  // floats of a row of a window
  int64_t row;
  const float* panel;
  int64_t first_output;
};

/// Outputs of joined classes, scattered to the pixels of the images that exist.
HWY_INLINE void scatter(const GatherPass& pass, const GatherPixel& pixel, const float* sums, float* out) {
  const GatherAxis &rows = pass.rows, &columns = pass.columns;
  const int64_t begin = larger(0, -pixel.column), end = smaller(columns.classes, columns.to - pixel.column);
  for (int64_t q = larger(0, -pixel.row); q < smaller(rows.classes, rows.to - pixel.row); ++q)
    for (int64_t at = begin * pass.channels; at < end * pass.channels; ++at)
      out[pixel.to + q * columns.to * pass.channels + at] = sums[q * columns.classes * pass.channels + at];
}

/// The sums of kRows windows against a panel of kWords words.
template <int kRows, int kWords>
HWY_NOINLINE void gather_tile(const GatherPass& pass, const GatherTask& task, const GatherEpilogue& epilogue,
                              const GatherPixel* pixels, float* out) {
  Word tile[kRows][kWords];
  for (int row = 0; row < kRows; ++row)
    for (int word = 0; word < kWords; ++word) tile[row][word] = Word(0.0f);
  // Later rows see earlier runs of zeros, if any, and fewer of them.
  const int64_t first_run = pixels[kRows - 1].first_run, last_run = pixels[0].last_run;
  const float* panel = task.panel + first_run * task.run * kWords * Word::kLanes;
  for (int64_t run = first_run; run < last_run; ++run) {
    const float* windows[kRows];
    for (int row = 0; row < kRows; ++row) windows[row] = task.seen + pixels[row].from + run * task.row;
    for (int64_t k = 0; k < task.run; ++k) {
      Word filters[kWords];
      for (int word = 0; word < kWords; ++word) filters[word] = Word::load_aligned(panel + word * Word::kLanes);
      for (int row = 0; row < kRows; ++row) {
        const Word x(windows[row][k]);
        for (int word = 0; word < kWords; ++word) tile[row][word] = multiply_add(x, filters[word], tile[row][word]);
      }
      panel += kWords * Word::kLanes;
    }
  }
  const int64_t outputs = pass.outputs();
  if (pass.joined) {
    alignas(64) float sums[kMostWords * Word::kLanes];
    for (int row = 0; row < kRows; ++row) {
      for (int word = 0; word < kWords; ++word) {
        const int64_t first = word * Word::kLanes;
        if (first < outputs) epilogue(tile[row][word], first, outputs - first).store(sums + first);
      }
      scatter(pass, pixels[row], sums, out);
    }
    return;
  }
  for (int row = 0; row < kRows; ++row)
    for (int word = 0; word < kWords; ++word) {
      const int64_t first = task.first_output + word * Word::kLanes, left = outputs - first;
      if (left > 0) epilogue.store(tile[row][word], first, left, out + pixels[row].to);
    }
}

template <int kWords, int kRows = kPixels>
HWY_INLINE void gather_tile_of(int64_t rows, const GatherPass& pass, const GatherTask& task,
                               const GatherEpilogue& epilogue, const GatherPixel* pixels, float* out) {
  if constexpr (kRows > 1)
    if (rows < kRows) return gather_tile_of<kWords, kRows - 1>(rows, pass, task, epilogue, pixels, out);
  gather_tile<kRows, kWords>(pass, task, epilogue, pixels, out);
}

/// A block of a pass. `copy` and `pixels` are scratch memory.
HWY_INLINE void gather_block(const GatherPass& pass, const GatherBlock& block, const GatherEpilogue& epilogue,
                             const float* from, const float* packed, float* to, float* copy, GatherPixel* pixels) {
  const SeenImages seen = see(pass, block, from, copy);
  for (int64_t row_class = 0; row_class < pass.row_classes(); ++row_class)
    for (int64_t column_class = 0; column_class < pass.column_classes(); ++column_class) {
      const int64_t count = list_pixels(pass, block, seen, row_class, column_class, pixels);
      const int64_t tiles = divided_up(count, kPixels);
      const int64_t runs = pass.rows.taps_of(row_class), run = pass.columns.taps_of(column_class) * pass.depth;
      const int64_t panel_outputs = pass.words() * Word::kLanes;
      const int64_t panels = pass.panels(), panel_floats = runs * run * panel_outputs;
      const auto make = [&](int64_t tile, int64_t panel) {
        const int64_t first = count * tile / tiles, rows = count * (tile + 1) / tiles - first;
        const GatherTask task{seen.data, run, seen.row, packed + panel * panel_floats, panel * panel_outputs};
        if (pass.words() == kLeastWords)
          gather_tile_of<kLeastWords>(rows, pass, task, epilogue, pixels + first, to);
        else
          gather_tile_of<kMostWords>(rows, pass, task, epilogue, pixels + first, to);
      };
      if (panels * panel_floats <= kCachedFloats)
        for (int64_t tile = 0; tile < tiles; ++tile)
          for (int64_t panel = 0; panel < panels; ++panel) make(tile, panel);
      else
        for (int64_t panel = 0; panel < panels; ++panel)
          for (int64_t tile = 0; tile < tiles; ++tile) make(tile, panel);
      packed += panels * panel_floats;
    }
  if (epilogue.streamed) hwy::FlushStream();
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
