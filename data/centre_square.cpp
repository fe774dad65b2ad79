#include "data/centre_square.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "kernels/error.h"

namespace wasserkern::data {
namespace {

constexpr int kChannels = 3;
constexpr int kFraction = 22;  // bits of a weight after the point, as many as PIL has

/// How the square's pixels along one axis are made of the picture's.
struct Axis {
  struct Reach {
    int64_t first, count;  // of the picture's pixels
    const int32_t* weights;
  };
  int64_t first, last;         // the pixels that are needed in all
  int64_t most;                // for one of the square's
  std::vector<Reach> reaches;  // of each of the square's pixels
  std::vector<int32_t> weights;

  Axis(int64_t length, int64_t shorter, int64_t side) {
    const int64_t resized = side * length / shorter;                                                   // rounded down
    const auto begin = static_cast<int64_t>(std::nearbyint(static_cast<double>(resized - side) / 2));  // half to even
    const double step = static_cast<double>(length) / static_cast<double>(resized), reach = std::max(1.0, step);
    most = 2 * static_cast<int64_t>(std::ceil(reach)) + 1;
    weights.resize(static_cast<size_t>(side * most));
    std::vector<double> triangle(static_cast<size_t>(most));
    for (int64_t i = 0; i < side; ++i) {
      const double centre = (static_cast<double>(begin + i) + 0.5) * step;
      const int64_t from = std::max<int64_t>(0, static_cast<int64_t>(centre - reach + 0.5));
      const int64_t to = std::min(length, static_cast<int64_t>(centre + reach + 0.5));
      double sum = 0;
      for (int64_t j = from; j < to; ++j) {
        const double distance = std::abs(static_cast<double>(j) - centre + 0.5) * (1 / reach);
        sum += triangle[static_cast<size_t>(j - from)] = std::max(0.0, 1 - distance);
      }
      int32_t* const own = weights.data() + i * most;
      for (int64_t j = 0; j < to - from; ++j)
        own[j] = static_cast<int32_t>(0.5 + triangle[static_cast<size_t>(j)] / sum * (1 << kFraction));
      reaches.push_back({.first = from, .count = to - from, .weights = own});
    }
    first = reaches.front().first;
    last = reaches.back().first + reaches.back().count;
  }
};

constexpr int32_t kHalf = 1 << (kFraction - 1);

/// Sums of weights that sum to 1, up to their rounding.
uint8_t rounded(int32_t sum) { return static_cast<uint8_t>(std::min(sum >> kFraction, 255)); }

/// [height, width, 3].
struct Picture {
  int64_t height, width;
  const uint8_t* pixels;
};

void centre_square(const Picture& image, int64_t side, std::span<uint8_t> out) {
  const int64_t shorter = std::min(image.height, image.width);
  if (side < 1 || shorter < 1 || static_cast<int64_t>(out.size()) != side * side * kChannels) {
    throw ShapeError("centre square: " + std::to_string(out.size()) + " values for a side of " + std::to_string(side) +
                     ", of a picture of " + std::to_string(image.width) + " x " + std::to_string(image.height));
  }
  const Axis down(image.height, shorter, side), across(image.width, shorter, side);
  const int64_t row_values = side * kChannels;

  std::vector<uint8_t> narrowed(static_cast<size_t>((down.last - down.first) * row_values));
  for (int64_t y = down.first; y < down.last; ++y) {
    uint8_t* to = narrowed.data() + (y - down.first) * row_values;
    for (const Axis::Reach& reach : across.reaches) {
      const uint8_t* from = image.pixels + (y * image.width + reach.first) * kChannels;
      int32_t sums[kChannels] = {kHalf, kHalf, kHalf};
      for (int64_t j = 0; j < reach.count; ++j) {
        for (int channel = 0; channel < kChannels; ++channel) sums[channel] += reach.weights[j] * *from++;
      }
      for (const int32_t sum : sums) *to++ = rounded(sum);
    }
  }

  std::vector<int32_t> sums(static_cast<size_t>(row_values));
  uint8_t* to = out.data();
  for (const Axis::Reach& reach : down.reaches) {
    std::ranges::fill(sums, kHalf);
    for (int64_t j = 0; j < reach.count; ++j) {
      const uint8_t* from = narrowed.data() + (reach.first - down.first + j) * row_values;
      for (int64_t k = 0; k < row_values; ++k) sums[static_cast<size_t>(k)] += reach.weights[j] * from[k];
    }
    to = std::ranges::transform(sums, to, rounded).out;
  }
}

}  // namespace

void centre_square(const RgbImage& image, int64_t side, std::span<uint8_t> out) {
  centre_square(Picture{image.height, image.width, image.pixels.get()}, side, out);
}

Images centre_squares(const Images& images, int64_t side) {
  if (images.channels != kChannels)
    throw ShapeError("centre squares: images of " + std::to_string(images.channels) + " channels; they must have 3");
  const int64_t values = side * side * kChannels;
  std::vector<uint8_t> pixels(static_cast<size_t>(std::max<int64_t>(0, images.count * values)));
  for (int64_t i = 0; i < images.count; ++i)
    centre_square(Picture{images.height, images.width, images.pixels.begin() + i * images.features()}, side,
                  std::span(pixels).subspan(static_cast<size_t>(i * values), static_cast<size_t>(values)));
  return {.count = images.count,
          .height = side,
          .width = side,
          .channels = kChannels,
          .pixels = std::move(pixels),
          .labels = images.labels};
}

}  // namespace wasserkern::data
