#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace wasserkern::bench {

/// The size of one image, whose values lie in rows of pixels with their channels together (NHWC).
struct ImageShape {
  int64_t height = 28;
  int64_t width = 28;
  int64_t channels = 1;

  int64_t values() const { return height * width * channels; }
};

/// 8-bit pixels, `[height, width, channels]`.
struct Picture {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  std::vector<uint8_t> bytes;
};

/// Images side by side, in a grid as near to a square as it gets, small ones magnified. A value becomes black at `low`
/// and white at `high`; outside it is clamped, and NaN is black. Throws ShapeError unless the images are whole, and
/// have 1 or 3 channels.
Picture image_grid(std::span<const float> images, const ImageShape& shape, float low, float high);

/// Writes a PNG, atomically; throws DataError.
void write_png(const std::filesystem::path& path, const Picture& picture);

}  // namespace wasserkern::bench
