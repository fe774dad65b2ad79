#pragma once

#include <cstdint>
#include <span>

#include "data/image_file.h"
#include "data/images.h"
#include "kernels/export.h"

namespace wasserkern::data {

/// The middle of a picture whose shorter side is resized to `side`, `[side, side, 3]`; overwrites `out`. To the byte
/// what Resize(side) and CenterCrop(side) of torchvision make of a picture of Pillow up to version 12: values as they
/// are (no gamma), a triangle that reaches one step of the coarser picture to either side, hence no aliasing, and is
/// cut off at the border; first across, then down, each rounded. Only what ends up in the square is computed. Throws
/// ShapeError when `out` has another size.
WASSERKERN_API void centre_square(const RgbImage& image, int64_t side, std::span<uint8_t> out);

/// The same of each of many, which keep their labels. Throws ShapeError unless they have three channels.
WASSERKERN_API Images centre_squares(const Images& images, int64_t side);

}  // namespace wasserkern::data
