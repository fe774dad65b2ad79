#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "kernels/export.h"

namespace wasserkern::data {

/// A picture of 8-bit red, green and blue, `[height, width, 3]`.
struct RgbImage {
  struct Free {
    WASSERKERN_API void operator()(uint8_t* pixels) const;
  };
  int64_t height = 0;
  int64_t width = 0;
  std::unique_ptr<uint8_t[], Free> pixels;
};

/// A JPEG (baseline or progressive) or PNG file in memory; `name` stands for it in messages. Grey becomes three equal
/// channels, 16 bits the upper 8, CMYK and YCCK with Adobe's marker colours on white paper; transparency is dropped, as
/// PIL's convert("RGB") drops it; an orientation in EXIF is not applied, as torchvision does not. Throws DataError for
/// whatever is damaged, a JPEG that ends before its end marker included, and for sizes that the file is too short
/// for: nothing is allocated for those. What a decoder cannot notice it does not: checksums are not looked at.
WASSERKERN_API RgbImage decode_image(std::span<const std::byte> bytes, std::string_view name);

}  // namespace wasserkern::data
