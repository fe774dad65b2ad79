#pragma once

#include "kernels/convolution.h"
#include "kernels/cpu/pair_grid.h"
#include "kernels/cpu/simd.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// One axis of a pass that reads filters. Place a of a grid sees `reach` neighbours of its input from a step - before
/// on, and makes the outputs a classes + q - shift for every class q < classes. A convolution has one class; in its
/// transpose the outputs of class q are those that taps q, q + stride, ... of the filter reach, so that no tap meets
/// the zeros between the inputs.
struct GatherAxis {
  int64_t from, to;  // extents of the images that are read and written
  int64_t taps;      // of the filter
  int64_t classes;
  int64_t shift;
  int64_t step;
  int64_t before;  // zeros in front of the images that are read

  /// Taps of a class, which lie at the end of what a place sees.
  HWY_INLINE int64_t taps_of(int64_t q) const { return q < taps ? divided_up(taps - q, classes) : 0; }
  HWY_INLINE int64_t reach() const { return taps_of(0); }
  /// The grid, and the places at which a class makes outputs that exist.
  HWY_INLINE int64_t first() const { return shift / classes; }
  HWY_INLINE int64_t last() const { return (to - 1 + shift) / classes + 1; }
  HWY_INLINE int64_t first_of(int64_t q) const { return divided_up(larger(shift - q, 0), classes); }
  HWY_INLINE int64_t last_of(int64_t q) const { return q < to + shift ? (to - 1 + shift - q) / classes + 1 : 0; }
  /// Inputs with the zeros around them that the places [begin, end) see; where they start.
  HWY_INLINE int64_t seen(int64_t begin, int64_t end) const { return (end - begin - 1) * step + reach(); }
  HWY_INLINE int64_t seen_from(int64_t begin) const { return begin * step - before; }
  HWY_INLINE bool sees_zeros() const {
    return seen_from(first()) < 0 || seen_from(first()) + seen(first(), last()) > from;
  }
};

HWY_INLINE GatherAxis convolution_axis(Window window, int64_t x, int64_t filter, int64_t y) {
  return {x, y, filter, 1, 0, window.stride, window.padding};
}

HWY_INLINE GatherAxis transposed_axis(Window window, int64_t x, int64_t filter, int64_t y) {
  return {y, x, filter, window.stride, window.padding, 1, divided_up(filter, window.stride) - 1};
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
