#pragma once

#include <cstdint>
#include <vector>

#include "data/pixels.h"

namespace wasserkern::data {

/// Which part of a data set.
enum class Split { Training, Test };

/// `count` images in one block, `[count, height, width, channels]`, as bytes: 0 is black, 255 white.
struct Images {
  int64_t count = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  Pixels pixels;
  std::vector<uint8_t> labels = {};  // the class of each, [count], or empty where none came with them

  /// Values per image.
  int64_t features() const { return height * width * channels; }
};

}  // namespace wasserkern::data
