#pragma once

#include <cstdint>

#include "kernels/convolution.h"

namespace wasserkern::bench {

/// A convolution of square images by square filters, or its transpose; `extent` and `inputs` are those of the larger
/// images. Forward, data gradient and filter gradient are the same sums of products.
struct ConvolutionLayer {
  int64_t extent;
  int64_t inputs;
  int64_t outputs;
  int64_t filter;
  Window window;

  int64_t output_extent() const { return window.output_extent(extent, filter); }
  /// Floating-point operations of one pass over `count` images, two per multiply-add; taps on padding take none.
  double operations(int64_t count) const {
    return 2.0 * static_cast<double>(count * taps() * taps() * inputs * outputs);
  }

 private:
  /// Along one axis, pairs of an output and an input that its window covers.
  int64_t taps() const {
    int64_t pairs = 0;
    for (int64_t at = -window.padding; at < output_extent() * window.stride - window.padding; at += window.stride)
      for (int64_t tap = at; tap < at + filter; ++tap) pairs += tap >= 0 && tap < extent;
    return pairs;
  }
};

}  // namespace wasserkern::bench
