#include "bench/wgan_fail/alterations.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace wasserkern::bench {
namespace {

/// Pixel (y, x), or the nearest one of the edge.
double at(std::span<const float> image, const ImageShape& shape, int64_t y, int64_t x, int64_t channel) {
  y = std::clamp<int64_t>(y, 0, shape.height - 1);
  x = std::clamp<int64_t>(x, 0, shape.width - 1);
  return double{image[static_cast<size_t>((y * shape.width + x) * shape.channels + channel)]};
}

struct Place {
  double y, x;
};

/// The image whose pixel (y, x) is what lies at `source(y, x)`, by linear interpolation.
template <class Source>
std::vector<float> moved(std::span<const float> image, const ImageShape& shape, const Source& source) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(shape.values()));
  for (int64_t y = 0; y < shape.height; ++y)
    for (int64_t x = 0; x < shape.width; ++x) {
      const Place from = source(static_cast<double>(y), static_cast<double>(x));
      const double top = std::floor(from.y), left = std::floor(from.x), down = from.y - top, right = from.x - left;
      const auto row = static_cast<int64_t>(top), column = static_cast<int64_t>(left);
      for (int64_t channel = 0; channel < shape.channels; ++channel) {
        const auto mixed = [&](int64_t line) {
          return (1 - right) * at(image, shape, line, column, channel) +
                 right * at(image, shape, line, column + 1, channel);
        };
        values.push_back(static_cast<float>((1 - down) * mixed(row) + down * mixed(row + 1)));
      }
    }
  return values;
}

}  // namespace

std::vector<float> cropped(std::span<const float> image, const ImageShape& shape, double share) {
  const auto along = [=](double place, int64_t size) {
    const double cut = share * static_cast<double>(size);
    return cut + (place + 0.5) * (1 - share) - 0.5;
  };
  return moved(image, shape, [&](double y, double x) { return Place{along(y, shape.height), along(x, shape.width)}; });
}

std::vector<float> rotated(std::span<const float> image, const ImageShape& shape, double degrees) {
  const double angle = degrees * std::numbers::pi / 180, sine = std::sin(angle), cosine = std::cos(angle);
  const Place middle{static_cast<double>(shape.height - 1) / 2, static_cast<double>(shape.width - 1) / 2};
  return moved(image, shape, [=](double y, double x) {
    const double down = y - middle.y, right = x - middle.x;
    return Place{middle.y + cosine * down - sine * right, middle.x + sine * down + cosine * right};
  });
}

std::vector<float> flipped(std::span<const float> image, const ImageShape& shape) {
  const auto last = static_cast<double>(shape.width - 1);
  return moved(image, shape, [=](double y, double x) { return Place{y, last - x}; });
}

std::vector<float> darkened(std::span<const float> image, double factor) {
  std::vector<float> values(image.begin(), image.end());
  for (float& value : values) value = static_cast<float>((double{value} + 1) * factor - 1);
  return values;
}

}  // namespace wasserkern::bench
