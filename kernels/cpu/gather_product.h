#pragma once

// The passes of a convolution that read filters, as matrix products of patches and filters in which no patch is ever
// stored. In images of NHWC a row of a window is contiguous, so that a register tile of kPixels outputs reads its
// factors from as many addresses in the images themselves; padded copies of a few images at a time, in the second-level
// cache, keep the border out of the loops. The filters are packed in panels, output channels side by side.

#include <hwy/cache_control.h>

#include <cstring>

#include "kernels/convolution.h"
#include "kernels/cpu/gather_axis.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int kPixels = Word::kLanes == 16 ? 12 : 6;   // of a register tile
constexpr int kMostWords = Word::kLanes == 1 ? 4 : 2;  // of a panel: as many sums as registers hold
constexpr int kLeastWords = Word::kLanes == 1 ? 4 : 1;
constexpr int64_t kBlockFloats = 1 << 16;  // of padded images
constexpr int64_t kBlockPixels = 1 << 10;
constexpr int64_t kShortSum = 128;
constexpr int64_t kManyOutputs = 1 << 20;
constexpr int64_t kCachedFloats = 1 << 16;  // of filters that stay in the second-level cache beside them

/// A pass that reads filters.
struct GatherPass {
  GatherAxis rows, columns;
  int64_t depth;     // channels of the images that are read
  int64_t channels;  // of those that are written
  /// Whether all classes are made at once, as columns of one product: for few channels, which would fill no panel.
  bool joined;

  HWY_INLINE int64_t outputs() const { return joined ? channels * rows.classes * columns.classes : channels; }
  HWY_INLINE int words() const { return outputs() <= kLeastWords * Word::kLanes ? kLeastWords : kMostWords; }
  HWY_INLINE int64_t panels() const { return divided_up(outputs(), words() * Word::kLanes); }
  HWY_INLINE int64_t row_classes() const { return joined ? 1 : rows.classes; }
  HWY_INLINE int64_t column_classes() const { return joined ? 1 : columns.classes; }
  HWY_INLINE int64_t packed_floats() const {
    const int64_t taps = joined ? rows.reach() * columns.reach() : rows.taps * columns.taps;
    return panels() * words() * Word::kLanes * depth * taps;
  }
  HWY_INLINE bool sees_zeros() const { return rows.sees_zeros() || columns.sees_zeros(); }
};

HWY_INLINE GatherPass gather_pass(FilterPass pass, Window window, int64_t x_height, int64_t x_width, int64_t y_height,
                                  int64_t y_width, FilterView<const float> w) {
  if (pass == FilterPass::Convolution)
    return {convolution_axis(window, x_height, w.height, y_height), convolution_axis(window, x_width, w.width, y_width),
            w.inputs, w.outputs, false};
  const bool joined = window.stride * window.stride * w.inputs <= kMostWords * Word::kLanes;
  return {transposed_axis(window, x_height, w.height, y_height), transposed_axis(window, x_width, w.width, y_width),
          w.outputs, w.inputs, joined};
}

/// What is done at a time: places [first_row, last_row) of some images.
struct GatherBlock {
  int64_t first_image, last_image;
  int64_t first_row, last_row;
};

/// How a pass over `count` images is divided into blocks: by images, or if these are large by rows of places.
struct GatherBlocks {
  int64_t count;
  int64_t first_row, last_row;
  int64_t images;  // of a block
  int64_t rows;

  HWY_INLINE int64_t bands() const { return divided_up(last_row - first_row, rows); }
  HWY_INLINE int64_t blocks() const { return divided_up(count, images) * bands(); }
  HWY_INLINE GatherBlock block(int64_t index) const {
    const int64_t image = index / bands() * images, row = first_row + index % bands() * rows;
    return {image, smaller(image + images, count), row, smaller(row + rows, last_row)};
  }
};

HWY_INLINE GatherBlocks gather_blocks(const GatherPass& pass, int64_t count, int threads) {
  const int64_t rows = pass.rows.last() - pass.rows.first(), columns = pass.columns.last() - pass.columns.first();
  const int64_t row_floats = pass.columns.seen(pass.columns.first(), pass.columns.last()) * pass.depth;
  const int64_t fitting_rows =
      smaller((kBlockFloats / row_floats - pass.rows.reach()) / pass.rows.step + 1, larger(1, kBlockPixels / columns));
  const int64_t band = larger(1, smaller(smaller(fitting_rows, rows), divided_up(rows * count, threads)));
  if (band < rows) return {count, pass.rows.first(), pass.rows.last(), 1, band};
  const int64_t image_floats = pass.rows.seen(pass.rows.first(), pass.rows.last()) * row_floats;
  const int64_t images = larger(1, smaller(kBlockFloats / image_floats, kBlockPixels / (rows * columns)));
  return {count, pass.rows.first(), pass.rows.last(), smaller(images, divided_up(count, threads)), rows};
}

/// An output: where in the block its window starts, which of its rows lie in the image, where in the images written it
/// goes.
struct GatherPixel {
  int64_t from;
  int64_t first_run, last_run;
  int64_t to;
  int64_t row, column;  // of the first class
};

/// Floats, then pixels, of a thread's scratch memory.
HWY_INLINE int64_t block_floats(const GatherPass& pass, const GatherBlocks& blocks) {
  if (!pass.sees_zeros()) return 0;
  const int64_t floats = blocks.images * pass.rows.seen(0, blocks.rows) *
                         pass.columns.seen(pass.columns.first(), pass.columns.last()) * pass.depth;
  return divided_up(floats, 16) * 16;
}
HWY_INLINE int64_t block_pixels(const GatherPass& pass, const GatherBlocks& blocks) {
  return blocks.images * blocks.rows * (pass.columns.last() - pass.columns.first());
}
HWY_INLINE int64_t gather_thread_bytes(const GatherPass& pass, const GatherBlocks& blocks) {
  const int64_t bytes = block_floats(pass, blocks) * static_cast<int64_t>(sizeof(float)) +
                        block_pixels(pass, blocks) * static_cast<int64_t>(sizeof(GatherPixel));
  return divided_up(bytes, 64) * 64;
}

/// The images of a block as its windows see them.
struct SeenImages {
  const float* data;  // what the first place of the grid sees in the first image
  int64_t row;        // floats from a row to the next
  int64_t image;
};

/// Copies what the places of a block see, with the zeros around the images.
HWY_INLINE SeenImages see(const GatherPass& pass, const GatherBlock& block, const float* from, float* copy) {
  const GatherAxis &rows = pass.rows, &columns = pass.columns;
  const int64_t first_row = rows.seen_from(block.first_row), first_column = columns.seen_from(columns.first());
  const int64_t width = columns.from * pass.depth;
  if (!pass.sees_zeros())
    return {from + (block.first_image * rows.from + first_row) * width + first_column * pass.depth, width,
            rows.from * width};
  const int64_t seen_rows = rows.seen(block.first_row, block.last_row);
  const int64_t seen_width = columns.seen(columns.first(), columns.last()) * pass.depth;
  const int64_t left = smaller(larger(-first_column, 0) * pass.depth, seen_width);
  const int64_t skipped = larger(first_column, 0) * pass.depth;
  const int64_t copied = larger(smaller(width - skipped, seen_width - left), 0);
  float* to = copy;
  for (int64_t image = block.first_image; image < block.last_image; ++image)
    for (int64_t row = first_row; row < first_row + seen_rows; ++row, to += seen_width) {
      const bool inside = row >= 0 && row < rows.from && copied > 0;
      const int64_t begin = inside ? left : seen_width, end = inside ? left + copied : seen_width;
      std::memset(to, 0, static_cast<size_t>(begin) * sizeof(float));
      if (inside)
        std::memcpy(to + begin, from + (image * rows.from + row) * width + skipped,
                    static_cast<size_t>(copied) * sizeof(float));
      std::memset(to + end, 0, static_cast<size_t>(seen_width - end) * sizeof(float));
    }
  return {copy, seen_width, seen_rows * seen_width};
}

/// The outputs of a class in a block, row by row of all images, so that neighbours see the same rows of their images;
/// returns how many.
HWY_INLINE int64_t list_pixels(const GatherPass& pass, const GatherBlock& block, const SeenImages& seen,
                               int64_t row_class, int64_t column_class, GatherPixel* pixels) {
  const GatherAxis &rows = pass.rows, &columns = pass.columns;
  const int64_t first_row = pass.joined ? block.first_row : larger(rows.first_of(row_class), block.first_row);
  const int64_t last_row = pass.joined ? block.last_row : smaller(rows.last_of(row_class), block.last_row);
  const int64_t first_column = pass.joined ? columns.first() : columns.first_of(column_class);
  const int64_t last_column = pass.joined ? columns.last() : columns.last_of(column_class);
  const int64_t row_skip = rows.reach() - rows.taps_of(row_class);
  const int64_t column_skip = columns.reach() - columns.taps_of(column_class);
  int64_t count = 0;
  for (int64_t a = first_row; a < last_row; ++a) {
    const int64_t row = a * rows.classes + row_class - rows.shift, seen_row = rows.seen_from(a) + row_skip;
    const int64_t first_run = larger(-seen_row, 0), last_run = smaller(rows.from - seen_row, rows.taps_of(row_class));
    for (int64_t image = block.first_image; image < block.last_image; ++image) {
      const int64_t from = (image - block.first_image) * seen.image +
                           ((a - block.first_row) * rows.step + row_skip) * seen.row + column_skip * pass.depth;
      for (int64_t b = first_column; b < last_column; ++b) {
        const int64_t column = b * columns.classes + column_class - columns.shift;
        pixels[count++] = {from + (b - columns.first()) * columns.step * pass.depth,        first_run, last_run,
                           ((image * rows.to + row) * columns.to + column) * pass.channels, row,       column};
      }
    }
  }
  return count;
}

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
