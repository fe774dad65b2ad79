#include "data/image_file.h"

#include <algorithm>
#include <array>
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

/// New blocks are zeros: what a file leaves out is not what was there before.
void* bounded_realloc(void* block, size_t size) {
  if (size > memory.largest_block) return nullptr;
  void* const larger = block ? std::realloc(block, size) : std::calloc(size, 1);
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
#define STBI_NO_FAILURE_STRINGS  // one of them is made of the file's bytes, in a buffer that all threads share
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

namespace wasserkern::data {
namespace {

constexpr int kChannels = 3;

[[noreturn]] void fail(std::string_view name, const std::string& what) {
  throw DataError(printable(name) + ": " + what);
}

/// Of what stb_image can read.
bool is_jpeg(std::span<const std::byte> bytes) { return !bytes.empty() && bytes[0] == std::byte{0xff}; }

/// What stb_image takes on trust of a JPEG: that its end is there (what is missing it takes for zeros), that a Huffman
/// table has no more than 256 codes (up to version 2.27 it writes beyond its own), and that a scan's tables are there.
class JpegCheck {
 public:
  JpegCheck(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  /// Follows the segments and scans as stb_image does; throws DataError.
  void run() {
    for (size_t place = 0; place + 1 < bytes_.size();) {
      const size_t marker = at(place + 1);
      if (at(place) != 0xff || marker == 0 || marker == 0xff || (marker >= 0xd0 && marker <= 0xd7)) {
        ++place;  // within a scan
      } else if (marker == 0xd9) {
        return;
      } else if (marker == 0x01 || marker == 0xd8) {
        place += 2;  // without a length
      } else {
        const size_t end = place + 2 + (at(place + 2) << 8 | at(place + 3));
        if (marker == 0xc4) note_tables(place + 4, end);
        if (marker == 0xda) check_scan(place + 4);
        place = end;
      }
    }
    fail(name_, "is a JPEG without its end marker, it is truncated");
  }

 private:
  size_t at(size_t place) const { return place < bytes_.size() ? std::to_integer<size_t>(bytes_[place]) : 0; }

  void note_tables(size_t place, size_t end) {
    while (place < end) {
      size_t codes = 0;
      for (size_t length = 1; length <= 16; ++length) codes += at(place + length);
      if (codes > 256) fail(name_, "is damaged: a Huffman table of " + std::to_string(codes) + " codes");
      there_[at(place)] = true;
      place += 17 + codes;
    }
  }

  void check_scan(size_t place) const {
    const size_t components = at(place);
    const size_t first = at(place + 1 + 2 * components), last = at(place + 2 + 2 * components);
    const bool refines = at(place + 3 + 2 * components) >> 4 != 0;
    for (size_t component = 0; component < components; ++component) {
      const size_t tables = at(place + 2 + 2 * component);
      const bool lacks_first = first == 0 && !refines && !there_[tables >> 4];
      const bool lacks_others = last > 0 && !there_[kOthers + tables % 16];
      if (lacks_first || lacks_others) fail(name_, "is a JPEG without the Huffman tables of its scans");
    }
  }

  static constexpr size_t kOthers = 16;  // tables of all values but a block's first

  std::span<const std::byte> bytes_;
  std::string_view name_;
  std::array<bool, 256> there_{};
};

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

}  // namespace

void RgbImage::Free::operator()(uint8_t* pixels) const { stbi_image_free(pixels); }

RgbImage decode_image(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) fail(name, "is larger than 2 GiB");
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const auto size = static_cast<int>(bytes.size());
  if (is_jpeg(bytes)) JpegCheck(bytes, name).run();
  memory = {.largest_block = 1 << 20};  // the decoder's own state
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(data, size, &width, &height, &channels)) {
    if (memory.exhausted) throw std::bad_alloc();
    fail(name, "is no JPEG or PNG that can be read");
  }
  const std::string sizes = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (static_cast<uint64_t>(width) * static_cast<uint64_t>(height) > most_pixels(bytes))
    fail(name, "says that it has " + sizes + ", which do not fit into " + std::to_string(bytes.size()) + " bytes");

  // Planes are rounded up to blocks of 32 x 32; a pixel has at most four values of 16 bits, and what a PNG is inflated
  // to grows by doubling.
  memory.largest_block +=
      size_t{16} * (static_cast<size_t>(width) + 32) * (static_cast<size_t>(height) + 32) + 2 * bytes.size();
  decltype(RgbImage::pixels) pixels(stbi_load_from_memory(data, size, &width, &height, &channels, kChannels));
  if (!pixels) {
    if (memory.exhausted) throw std::bad_alloc();
    fail(name, "is damaged, of its " + sizes + " not all can be read");
  }
  return {.height = height, .width = width, .pixels = std::move(pixels)};
}

}  // namespace wasserkern::data
