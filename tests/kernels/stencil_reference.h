#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/stencil.h"

namespace wasserkern::testing {

/// Paper 001's weighted Laplacian of one channel's image, by its definition: all pairs of pixels.
class PixelLaplacian {
 public:
  PixelLaplacian(const PixelGraph& graph, int64_t height, int64_t width) : height_(height), width_(width) {
    for (const PixelEdge& edge : graph.edges()) {
      weights_[place(edge.down, edge.right)] = edge.weight;
      weights_[place(-edge.down, -edge.right)] = edge.weight;
    }
  }

  int64_t pixels() const { return height_ * width_; }

  /// w_ij, which is 0 where there is no edge.
  double weight(int64_t i, int64_t j) const {
    const int64_t down = j / width_ - i / width_, right = j % width_ - i % width_;
    return std::max(std::abs(down), std::abs(right)) > PixelGraph::kReach ? 0 : weights_[place(down, right)];
  }

  /// The paper's d: the weights at a pixel, over those at all pixels.
  std::vector<double> degrees() const {
    std::vector<double> degrees(pixels());
    double all = 0;
    for (int64_t i = 0; i < pixels(); ++i) {
      for (int64_t j = 0; j < pixels(); ++j) degrees[i] += weight(i, j);
      all += degrees[i];
    }
    for (double& degree : degrees) degree /= all;
    return degrees;
  }

  /// L(u)_ij for i unlike j.
  double off_diagonal(const std::vector<double>& u, const std::vector<double>& d, int64_t i, int64_t j) const {
    const double w = weight(i, j);
    return w == 0 ? 0 : -0.5 * w * (u[i] / d[i] + u[j] / d[j]);
  }

  /// L(u) g, and what bounds its rounding: the same of magnitudes.
  void multiply(const std::vector<double>& u, const std::vector<double>& d, const std::vector<double>& g,
                std::vector<double>& product, std::vector<double>& magnitude) const {
    for (int64_t i = 0; i < pixels(); ++i) {
      double diagonal = 0;
      for (int64_t j = 0; j < pixels(); ++j) {
        if (j == i) continue;
        const double entry = off_diagonal(u, d, i, j);
        diagonal -= entry;
        product[i] += entry * g[j];
        magnitude[i] += std::abs(weight(i, j)) * (std::abs(u[i]) + std::abs(u[j])) * (std::abs(g[i]) + std::abs(g[j]));
      }
      product[i] += diagonal * g[i];
    }
  }

 private:
  static constexpr int64_t kSpan = 2 * PixelGraph::kReach + 1;
  static int64_t place(int64_t down, int64_t right) {
    return (down + PixelGraph::kReach) * kSpan + right + PixelGraph::kReach;
  }

  int64_t height_, width_;
  std::vector<double> weights_ = std::vector<double>(kSpan * kSpan);
};

/// What stencil_form and stencil_product are for one image, in double, with the matrix L~ = A I + B 11' + L(u), which
/// has a block L(u) for every channel.
struct StencilReference {
  std::vector<double> product, magnitude;  // magnitude: the same of absolute values, to which rounding is in proportion
  double form = 0, form_magnitude = 0;

  template <class X, class G>
  StencilReference(const Stencil& stencil, int64_t height, int64_t width, int64_t channels, const X* x, const G* g) {
    const PixelLaplacian laplacian(stencil.graph, height, width);
    const int64_t pixels = laplacian.pixels();
    const std::vector<double> halves(pixels, 0.5);
    product.resize(pixels * channels);
    magnitude.resize(pixels * channels);
    double total = 0, total_magnitude = 0;
    for (int64_t k = 0; k < pixels * channels; ++k) {
      total += g[k];
      total_magnitude += std::abs(g[k]);
    }
    for (int64_t c = 0; c < channels; ++c) {
      std::vector<double> u(pixels), of_channel(pixels), result(pixels), size(pixels);
      for (int64_t i = 0; i < pixels; ++i) {
        u[i] = double{stencil.mass_scale} * x[i * channels + c] + stencil.mass_offset;
        of_channel[i] = g[i * channels + c];
      }
      laplacian.multiply(u, halves, of_channel, result, size);
      for (int64_t i = 0; i < pixels; ++i) {
        const int64_t k = i * channels + c;
        product[k] = result[i] + stencil.identity * of_channel[i] + stencil.total * total;
        magnitude[k] = size[i] + std::abs(stencil.identity * of_channel[i]) + std::abs(stencil.total) * total_magnitude;
        form += of_channel[i] * product[k];
        form_magnitude += std::abs(of_channel[i]) * magnitude[k];
      }
    }
  }
};

}  // namespace wasserkern::testing
