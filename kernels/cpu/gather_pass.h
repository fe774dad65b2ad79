#pragma once

// How a pass that reads filters is divided into blocks of windows: padded copies of a few images at a time, in the
// second-level cache, keep the border out of the loops.

#include <cstring>

#include "kernels/convolution.h"
#include "kernels/cpu/gather_axis.h"
#include "kernels/cpu/simd.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int kMostWords = Word::kLanes == 1 ? 4 : 2;  // of a panel of filters: as many sums as registers hold
constexpr int kLeastWords = Word::kLanes == 1 ? 4 : 1;
constexpr int64_t kBlockFloats = 1 << 16;  // of padded images
constexpr int64_t kBlockPixels = 1 << 10;

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

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
