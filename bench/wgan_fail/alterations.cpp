#include "bench/wgan_fail/alterations.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace wasserkern::bench {
namespace {

/// The image whose pixel (y, x) is made by `pixel(y, x, channel)`.
template <class Pixel>
std::vector<float> drawn(const ImageShape& shape, const Pixel& pixel) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(shape.values()));
  for (int64_t y = 0; y < shape.height; ++y)
    for (int64_t x = 0; x < shape.width; ++x)
      for (int64_t channel = 0; channel < shape.channels; ++channel) values.push_back(pixel(y, x, channel));
  return values;
}

/// Pixel (y, x), or the nearest one of the edge.
double at(std::span<const float> image, const ImageShape& shape, int64_t y, int64_t x, int64_t channel) {
  y = std::clamp<int64_t>(y, 0, shape.height - 1);
  x = std::clamp<int64_t>(x, 0, shape.width - 1);
  return double{image[static_cast<size_t>((y * shape.width + x) * shape.channels + channel)]};
}

}  // namespace

std::vector<float> cropped(std::span<const float> image, const ImageShape& shape, double share) {
  const auto down = std::llround(share * static_cast<double>(shape.height));
  const auto right = std::llround(share * static_cast<double>(shape.width));
  return drawn(shape, [&](int64_t y, int64_t x, int64_t channel) {
    return static_cast<float>(at(image, shape, y + down, x + right, channel));
  });
}

std::vector<float> rotated(std::span<const float> image, const ImageShape& shape, double degrees) {
  const double angle = degrees * std::numbers::pi / 180, sine = std::sin(angle), cosine = std::cos(angle);
  const double middle_y = static_cast<double>(shape.height - 1) / 2,
               middle_x = static_cast<double>(shape.width - 1) / 2;
  return drawn(shape, [&](int64_t y, int64_t x, int64_t channel) {
    const double dy = static_cast<double>(y) - middle_y, dx = static_cast<double>(x) - middle_x;
    const double from_y = middle_y + cosine * dy - sine * dx, from_x = middle_x + sine * dy + cosine * dx;
    const double top = std::floor(from_y), left = std::floor(from_x), low = from_y - top, far = from_x - left;
    const auto row = static_cast<int64_t>(top), column = static_cast<int64_t>(left);
    const auto mixed = [&](int64_t line) {
      return (1 - far) * at(image, shape, line, column, channel) + far * at(image, shape, line, column + 1, channel);
    };
    return static_cast<float>((1 - low) * mixed(row) + low * mixed(row + 1));
  });
}

std::vector<float> flipped(std::span<const float> image, const ImageShape& shape) {
  return drawn(shape, [&](int64_t y, int64_t x, int64_t channel) {
    return static_cast<float>(at(image, shape, y, shape.width - 1 - x, channel));
  });
}

std::vector<float> darkened(std::span<const float> image, double factor) {
  std::vector<float> values(image.begin(), image.end());
  for (float& value : values) value = static_cast<float>((double{value} + 1) * factor - 1);
  return values;
}

}  // namespace wasserkern::bench
