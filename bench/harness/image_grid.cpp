#include "bench/harness/image_grid.h"

#include <algorithm>
#include <cmath>
#include <string>

// The only user: its functions are compiled here.
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

#include "engine/atomic_file.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

constexpr int64_t kGap = 2;            // pixels between images
constexpr int64_t kSmallestSide = 56;  // of an image: narrower ones are magnified
constexpr uint8_t kGapShade = 128;

uint8_t byte_of(float value, float low, float high) {
  const float share = (value - low) / (high - low);
  return share > 0 ? static_cast<uint8_t>(std::lround(255 * std::min(share, 1.0f))) : 0;
}

}  // namespace

Picture image_grid(std::span<const float> images, const ImageShape& shape, float low, float high) {
  const auto size = static_cast<int64_t>(images.size());
  if (shape.height < 1 || shape.width < 1 || (shape.channels != 1 && shape.channels != 3) || size == 0 ||
      size % shape.values() != 0) {
    throw ShapeError("image grid: " + std::to_string(size) + " values are not images of " +
                     std::to_string(shape.height) + " x " + std::to_string(shape.width) + " x " +
                     std::to_string(shape.channels) + "; 1 or 3 channels can be drawn");
  }
  const int64_t count = size / shape.values();
  const auto across = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  const int64_t down = (count + across - 1) / across;
  const int64_t magnification = std::max<int64_t>(1, kSmallestSide / shape.width);
  const int64_t cell_height = shape.height * magnification + kGap;
  const int64_t cell_width = shape.width * magnification + kGap;

  Picture picture{.height = down * cell_height + kGap,
                  .width = across * cell_width + kGap,
                  .channels = shape.channels,
                  .bytes = {}};
  picture.bytes.assign(static_cast<size_t>(picture.height * picture.width * picture.channels), kGapShade);
  for (int64_t i = 0; i < count; ++i) {
    const float* image = images.data() + i * shape.values();
    const int64_t top = i / across * cell_height + kGap;
    const int64_t left = i % across * cell_width + kGap;
    for (int64_t y = 0; y < shape.height * magnification; ++y) {
      for (int64_t x = 0; x < shape.width * magnification; ++x) {
        const float* pixel = image + (y / magnification * shape.width + x / magnification) * shape.channels;
        uint8_t* out = picture.bytes.data() + ((top + y) * picture.width + left + x) * shape.channels;
        for (int64_t channel = 0; channel < shape.channels; ++channel) {
          out[channel] = byte_of(pixel[channel], low, high);
        }
      }
    }
  }
  return picture;
}

void write_png(const std::filesystem::path& path, const Picture& picture) {
  std::vector<std::byte> file;
  const auto keep = [](void* context, void* data, int size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    static_cast<std::vector<std::byte>*>(context)->insert(static_cast<std::vector<std::byte>*>(context)->end(), bytes,
                                                          bytes + size);
  };
  const auto row_bytes = static_cast<int>(picture.width * picture.channels);
  if (!stbi_write_png_to_func(keep, &file, static_cast<int>(picture.width), static_cast<int>(picture.height),
                              static_cast<int>(picture.channels), picture.bytes.data(), row_bytes)) {
    throw DataError(printable(path.native()) + ": the picture cannot be encoded; it may be too large");
  }
  AtomicFile out(path);
  out.write(file);
  out.commit();
}

}  // namespace wasserkern::bench
