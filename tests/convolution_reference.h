#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/convolution.h"

namespace wasserkern::testing {

/// A convolution's sizes, and its three passes in double by plain loops.
struct ConvolutionReference {
  int64_t count, height, width, inputs, outputs, filter_height, filter_width;
  Window window;

  int64_t y_height() const { return window.output_extent(height, filter_height); }
  int64_t y_width() const { return window.output_extent(width, filter_width); }
  int64_t x_size() const { return count * height * width * inputs; }
  int64_t w_size() const { return outputs * filter_height * filter_width * inputs; }
  int64_t y_size() const { return count * y_height() * y_width() * outputs; }

  std::string text() const {
    std::string all;
    for (const int64_t size : {count, height, width, inputs, outputs, filter_height, filter_width})
      all += std::to_string(size) + " ";
    return all + "stride " + std::to_string(window.stride) + " padding " + std::to_string(window.padding);
  }

  /// Calls visit(x, w, y) with the places of every product of the sums.
  template <class Visit>
  void for_each_product(Visit&& visit) const {
    for (int64_t y = 0; y < y_size(); ++y) {
      const int64_t o = y % outputs, j = y / outputs % y_width(), i = y / outputs / y_width() % y_height();
      const int64_t n = y / outputs / y_width() / y_height();
      for (int64_t r = 0; r < filter_height; ++r)
        for (int64_t s = 0; s < filter_width; ++s) {
          const int64_t row = i * window.stride + r - window.padding, column = j * window.stride + s - window.padding;
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          for (int64_t c = 0; c < inputs; ++c)
            visit(((n * height + row) * width + column) * inputs + c,
                  ((o * filter_height + r) * filter_width + s) * inputs + c, y);
        }
    }
  }

  /// Bias may be empty.
  template <class T>
  std::vector<double> forward(const std::vector<T>& x, const std::vector<T>& w, const std::vector<T>& bias) const {
    std::vector<double> out = repeated(bias, y_size());
    for_each_product([&](int64_t at_x, int64_t at_w, int64_t at_y) { out[at_y] += product(x[at_x], w[at_w]); });
    return out;
  }
  template <class T>
  std::vector<double> transposed(const std::vector<T>& y, const std::vector<T>& w, const std::vector<T>& bias) const {
    std::vector<double> out = repeated(bias, x_size());
    for_each_product([&](int64_t at_x, int64_t at_w, int64_t at_y) { out[at_x] += product(y[at_y], w[at_w]); });
    return out;
  }
  template <class T>
  std::vector<double> filter_gradient(const std::vector<T>& x, const std::vector<T>& y) const {
    std::vector<double> out(static_cast<size_t>(w_size()));
    for_each_product([&](int64_t at_x, int64_t at_w, int64_t at_y) { out[at_w] += product(x[at_x], y[at_y]); });
    return out;
  }

 private:
  static double product(double a, double b) { return a * b; }

  template <class T>
  static std::vector<double> repeated(const std::vector<T>& bias, int64_t size) {
    std::vector<double> out(static_cast<size_t>(size));
    for (size_t i = 0; i < out.size() && !bias.empty(); ++i) out[i] = bias[i % bias.size()];
    return out;
  }
};

}  // namespace wasserkern::testing
