#pragma once

#include <cstdint>
#include <filesystem>

#include "data/images.h"
#include "kernels/export.h"

namespace wasserkern::data {

/// Every JPEG and PNG file (.jpg, .jpeg, .png) in `folder` and below, in the order of their paths, each the middle
/// square of the picture with its shorter side resized to `side` (centre_square): `[count, side, side, 3]`.
WASSERKERN_API Images load_image_folder(const std::filesystem::path& folder, int64_t side);

}  // namespace wasserkern::data
