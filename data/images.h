#pragma once

#include <cstdint>
#include <vector>

namespace wasserkern::data {

/// `count` images in one block, `[count, height, width, channels]`, as bytes: 0 is black, 255 white.
struct Images {
  int64_t count = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  std::vector<uint8_t> pixels;

  /// Values per image.
  int64_t features() const { return height * width * channels; }
};

}  // namespace wasserkern::data
