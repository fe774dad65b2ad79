#pragma once

#include <compare>
#include <cstdint>
#include <type_traits>

#include "kernels/export.h"
#include "kernels/matmul.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// A batch of images [count, height, width, channels] (NHWC), contiguous, in the memory of a stream's device; owns
/// nothing.
template <class T>
struct ImageView {
  T* data = nullptr;
  int64_t count = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;

  int64_t size() const { return count * height * width * channels; }
  /// A row for every pixel.
  Matrix<T> pixels() const { return {data, count * height * width, channels}; }

  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_same_v<U, T>) operator ImageView<U>() const {
    return {data, count, height, width, channels};
  }
};

/// The weights of a convolution [outputs, height, width, inputs] (OHWI), contiguous; owns nothing.
template <class T>
struct FilterView {
  T* data = nullptr;
  int64_t outputs = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t inputs = 0;
  /// The same weights as pack_filters left them, or null: a pass that wants them packed then does so at every call.
  const float* packed = nullptr;

  int64_t size() const { return outputs * height * width * inputs; }

  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_same_v<U, T>) operator FilterView<U>() const {
    return {data, outputs, height, width, inputs, packed};
  }
};

/// How the window of a convolution moves along either axis: the output at i sees the input from i stride - padding on,
/// and zeros around the image.
struct Window {
  int64_t stride = 1;
  int64_t padding = 0;

  auto operator<=>(const Window&) const = default;
  /// The extent of the output for one of the input: how often the window fits.
  int64_t output_extent(int64_t input, int64_t filter) const {
    const int64_t room = input + 2 * padding - filter;
    return stride < 1 || room < 0 ? 0 : room / stride + 1;
  }
  /// The least extent of an input for one of the output.
  int64_t input_extent(int64_t output, int64_t filter) const { return (output - 1) * stride - 2 * padding + filter; }
};

// With y the output of a convolution of x by w, each of the three is linear in both of its inputs and the derivative of
// the others, so that any order of derivatives stays within them. All overwrite their output. Full fp32 unless the
// stream was made with TF32. Throw ShapeError unless x, w and y fit together by the window, all sizes but the count
// being at least 1.

/// y[n,i,j,o] = activation(sum over r, s, c of x[n, i stride + r - padding, j stride + s - padding, c] w[o,r,s,c] +
/// bias[o]).
WASSERKERN_API void convolution(CpuStream&, const Window&, const Epilogue&, ImageView<const float> x,
                                FilterView<const float> w, ImageView<float> y);
WASSERKERN_API void convolution(CudaStream&, const Window&, const Epilogue&, ImageView<const float> x,
                                FilterView<const float> w, ImageView<float> y);

/// The transpose, from the convolution's output to its input, x = activation(W^T y + bias[c]): the derivative with
/// respect to x, and the layer that enlarges images ("deconvolution").
WASSERKERN_API void transposed_convolution(CpuStream&, const Window&, const Epilogue&, ImageView<const float> y,
                                           FilterView<const float> w, ImageView<float> x);
WASSERKERN_API void transposed_convolution(CudaStream&, const Window&, const Epilogue&, ImageView<const float> y,
                                           FilterView<const float> w, ImageView<float> x);

/// w[o,r,s,c] = sum over n, i, j of y[n,i,j,o] x[n, i stride + r - padding, j stride + s - padding, c]: the derivative
/// with respect to w.
WASSERKERN_API void convolution_filter_gradient(CpuStream&, const Window&, ImageView<const float> x,
                                                ImageView<const float> y, FilterView<float> w);
WASSERKERN_API void convolution_filter_gradient(CudaStream&, const Window&, ImageView<const float> x,
                                                ImageView<const float> y, FilterView<float> w);

/// The two that read filters.
enum class FilterPass { Convolution, Transposed };

/// How a pass over images of given sizes wants its filters packed: with equal ids one copy of the same filters serves
/// both. No floats: it takes them as they are, as CUDA always does.
struct FilterLayout {
  int64_t id = 0;
  int64_t floats = 0;
};
WASSERKERN_API FilterLayout filter_layout(CpuStream&, FilterPass, const Window&, ImageView<const float> x,
                                          FilterView<const float> w, ImageView<const float> y);
inline FilterLayout filter_layout(CudaStream&, FilterPass, const Window&, ImageView<const float>,
                                  FilterView<const float>, ImageView<const float>) {
  return {};
}

/// Overwrites packed, of as many floats as the layout says. For layouts that have some.
WASSERKERN_API void pack_filters(CpuStream&, const FilterLayout&, FilterView<const float> w, Vector<float> packed);

}  // namespace wasserkern
