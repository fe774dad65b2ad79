#pragma once

#include "kernels/convolution.h"

namespace wasserkern::onednn {

/// The passes of kernels/convolution.h for sizes of at least 1. Primitives are made once per geometry and thread.
/// `packed` holds the filters as `filter_layout` wants them.
void convolution(CpuStream&, const Window&, const Epilogue&, ImageView<const float> x, FilterView<const float> w,
                 ImageView<float> y);
/// Without an epilogue.
void transposed_convolution(CpuStream&, const Window&, ImageView<const float> y, FilterView<const float> w,
                            ImageView<float> x);
void convolution_filter_gradient(CpuStream&, const Window&, ImageView<const float> x, ImageView<const float> y,
                                 FilterView<float> w);

FilterLayout filter_layout(CpuStream&, FilterPass, const Window&, ImageView<const float> x, FilterView<const float> w,
                           ImageView<const float> y);
void pack_filters(CpuStream&, const FilterLayout&, FilterView<const float> w, Vector<float> packed);

}  // namespace wasserkern::onednn
