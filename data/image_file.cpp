#include "data/image_file.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "engine/file.h"
#include "kernels/error.h"

namespace {

/// What the picture that this thread decodes may ask for: stb_image believes a file that says how long its parts are,
/// and inflates them without an end.
struct Memory {
  size_t largest_block = 0;
  bool exhausted = false;
};
thread_local Memory memory;

void* bounded_realloc(void* block, size_t size) {
  if (size > memory.largest_block) return nullptr;
  void* const larger = std::realloc(block, size);
  memory.exhausted = memory.exhausted || !larger;
  return larger;
}

}  // namespace

#define STBI_MALLOC(size) bounded_realloc(nullptr, size)
#define STBI_REALLOC(block, size) bounded_realloc(block, size)
#define STBI_FREE(block) std::free(block)
#define STBI_MAX_DIMENSIONS 65535  // of JPEG
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_RESIZE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#include <stb/stb_image_resize.h>

namespace wasserkern::data {
namespace {

constexpr int kChannels = 3;

[[noreturn]] void fail(std::string_view name, const std::string& what) {
  throw DataError(printable(name) + ": " + what);
}

/// Of what stb_image can read.
bool is_jpeg(std::span<const std::byte> bytes) { return !bytes.empty() && bytes[0] == std::byte{0xff}; }

/// Whether a JPEG's end marker comes where its segments and scans say. stb_image takes what is missing for zeros.
bool has_end(std::span<const std::byte> bytes) {
  const auto at = [&](size_t place) { return std::to_integer<unsigned>(bytes[place]); };
  for (size_t place = 0; place + 1 < bytes.size();) {
    const unsigned marker = at(place + 1);
    if (at(place) != 0xff || marker == 0 || marker == 0xff || (marker >= 0xd0 && marker <= 0xd7)) {
      ++place;  // within a scan
    } else if (marker == 0xd9) {
      return true;
    } else if (marker == 0x01 || marker == 0xd8) {
      place += 2;  // without a length
    } else {
      if (place + 3 >= bytes.size()) return false;
      place += 2 + (at(place + 2) << 8 | at(place + 3));
    }
  }
  return false;
}

/// No whole file of this size has more pixels. A JPEG spends at least a bit on a block of a plane, which is 8 x 8
/// pixels, or 16 x 8 if no plane is the finest both ways; a PNG is inflated to at most 1032 times its size.
uint64_t most_pixels(std::span<const std::byte> bytes) {
  constexpr size_t kDepth = 24, kColours = 25;  // where a PNG has them
  if (is_jpeg(bytes)) return bytes.size() * 8 * 128;
  uint64_t bits = 1;
  if (bytes.size() > kColours) {
    const auto colours = std::to_integer<unsigned>(bytes[kColours]);
    const uint64_t samples = colours == 2 ? 3 : colours == 4 ? 2 : colours == 6 ? 4 : 1;
    bits = std::max<uint64_t>(1, samples * std::to_integer<uint64_t>(bytes[kDepth]));
  }
  return bytes.size() * 1032 * 8 / bits;
}

/// Where an axis of the resized picture lies in the original.
struct Axis {
  int64_t first;  // the original's pixels that it is made of
  int64_t count;
  float scale;   // resized pixels per pixel
  float offset;  // of the square's first pixel from `first`, in resized pixels
};

Axis middle_of(int64_t length, int64_t shorter, int64_t side) {
  const int64_t resized = side * length / shorter;  // rounded down, as torchvision does
  const double scale = static_cast<double>(resized) / static_cast<double>(length);
  const auto begin = static_cast<int64_t>(std::nearbyint(static_cast<double>(resized - side) / 2));
  // What the filter reaches to either side, and one more against rounding.
  const double reach = std::max(1.0, 1 / scale) + 1;
  const auto first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(static_cast<double>(begin) / scale - reach)));
  const auto last =
      std::min(length, static_cast<int64_t>(std::ceil(static_cast<double>(begin + side) / scale + reach)));
  return {.first = first,
          .count = last - first,
          .scale = static_cast<float>(scale),
          .offset = static_cast<float>(static_cast<double>(begin) - static_cast<double>(first) * scale)};
}

}  // namespace

void RgbImage::Free::operator()(uint8_t* pixels) const { stbi_image_free(pixels); }

RgbImage decode_image(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) fail(name, "is larger than 2 GiB");
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const auto size = static_cast<int>(bytes.size());
  memory = {.largest_block = 1 << 20};  // the decoder's own state
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(data, size, &width, &height, &channels)) {
    if (memory.exhausted) throw std::bad_alloc();
    fail(name, std::string("is no JPEG or PNG that can be read: ") + stbi_failure_reason());
  }
  const std::string sizes = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (static_cast<uint64_t>(width) * static_cast<uint64_t>(height) > most_pixels(bytes))
    fail(name, "says that it has " + sizes + ", which do not fit into " + std::to_string(bytes.size()) + " bytes");
  if (is_jpeg(bytes) && !has_end(bytes)) fail(name, "is a JPEG without its end marker, it is truncated");

  // Planes are rounded up to blocks of 32 x 32; a pixel has at most four values of 16 bits, and what a PNG is inflated
  // to grows by doubling.
  memory.largest_block +=
      size_t{16} * (static_cast<size_t>(width) + 32) * (static_cast<size_t>(height) + 32) + 2 * bytes.size();
  decltype(RgbImage::pixels) pixels(stbi_load_from_memory(data, size, &width, &height, &channels, kChannels));
  if (!pixels) {
    if (memory.exhausted) throw std::bad_alloc();
    fail(name, "is damaged, " + sizes + ": " + stbi_failure_reason());
  }
  return {.height = height, .width = width, .pixels = std::move(pixels)};
}

void centre_square(const RgbImage& image, int64_t side, std::span<uint8_t> out) {
  const int64_t shorter = std::min(image.height, image.width);
  if (side < 1 || shorter < 1 || static_cast<int64_t>(out.size()) != side * side * kChannels)
    throw ShapeError("centre square: " + std::to_string(out.size()) + " values for a side of " + std::to_string(side));
  const Axis y = middle_of(image.height, shorter, side), x = middle_of(image.width, shorter, side);
  const int done = stbir_resize_subpixel(
      image.pixels.get() + (y.first * image.width + x.first) * kChannels, static_cast<int>(x.count),
      static_cast<int>(y.count), static_cast<int>(image.width * kChannels), out.data(), static_cast<int>(side),
      static_cast<int>(side), 0, STBIR_TYPE_UINT8, kChannels, STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP,
      STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE, STBIR_FILTER_TRIANGLE, STBIR_COLORSPACE_LINEAR, nullptr, x.scale,
      y.scale, x.offset, y.offset);
  if (!done) throw std::bad_alloc();
}

}  // namespace wasserkern::data
