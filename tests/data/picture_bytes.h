#pragma once

#include <zlib.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/files.h"

/// Small JPEG and PNG files of every kind.
namespace wasserkern::testing {

inline Bytes from_hex(const std::string& digits) {
  Bytes bytes;
  for (size_t place = 0; place + 1 < digits.size(); place += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(place, 2), nullptr, 16)));
  return bytes;
}

// Two squares of 8 x 8 side by side, written by libjpeg at quality 90. In colour the left is (200, 30, 60), the right
// (20, 180, 90); in grey 70 and 220; in CMYK, with Adobe's marker, (255, 40, 0, 51) and (10, 200, 90, 0).
// clang-format off
inline const char* const kBaselineJpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b"
    "0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d14141414"
    "14141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc00011080008001003"
    "011100021101031101ffc40014000100000000000000000000000000000007ffc40014100100000000000000000000000000000000ffc400"
    "17010003010000000000000000000000000004060809ffc40014110100000000000000000000000000000000ffda000c0301000211031100"
    "3f000a2d2dd328462fbfffd9";
inline const char* const kHalvedChromaJpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b"
    "0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d14141414"
    "14141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc00011080008001003"
    "012200021101031101ffc4001500010100000000000000000000000000000007ffc40014100100000000000000000000000000000000ffc4"
    "001501010100000000000000000000000000000406ffc4001a1100010501000000000000000000000000000308414583c3ffda000c030100"
    "02110311003f00852ca0945206b8da9df89fffd9";
inline const char* const kProgressiveJpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b"
    "0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00430103040405040509050509140d0b0d14141414"
    "14141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414ffc20011080008001003"
    "011100021101031101ffc40014000100000000000000000000000000000006ffc40017010003010000000000000000000000000003050708"
    "ffda000c0301000210031000000108b2dccc58bfffc40014100100000000000000000000000000000010ffda00080101000105023fffc400"
    "14110100000000000000000000000000000010ffda0008010301013f013fffc40014110100000000000000000000000000000010ffda0008"
    "010201013f013fffc40014100100000000000000000000000000000010ffda0008010100063f023fffc40014100100000000000000000000"
    "000000000010ffda0008010100013f213fffda000c03010002000300000010e7ffc40014110100000000000000000000000000000010ffda"
    "0008010301013f103fffc40014110100000000000000000000000000000010ffda0008010201013f103fffc4001410010000000000000000"
    "0000000000000010ffda0008010100013f103fffd9";
inline const char* const kGreyJpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b"
    "0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc0000b080008001001011100ffc40015000101000000"
    "00000000000000000000000809ffc40014100100000000000000000000000000000000ffda0008010100003f00322c83ffd9";
inline const char* const kCmykJpeg =
    "ffd8ffee000e41646f626500640000000000ffdb0043000302020302020303030304030304050805050404050a070706080c0a0c0c0b0a0b"
    "0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc000140800080010044311004d11005911004b1100ffc400"
    "16000101010000000000000000000000000008090affc40014100100000000000000000000000000000000ffda000e0443004d0059004b00"
    "003f00954742a9996d46a2a01e443fffd9";
// clang-format on

/// The end of a PNG that has all pixels before it.
constexpr size_t kPngEnd = 12;

inline Bytes png_chunk(const std::string& type, const std::vector<uint8_t>& data) {
  std::vector<uint8_t> body(type.begin(), type.end());
  body.insert(body.end(), data.begin(), data.end());
  Bytes bytes;
  const auto append = [&](uint64_t value) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::byte>(value >> shift & 255));
  };
  append(data.size());
  for (const uint8_t value : body) bytes.push_back(static_cast<std::byte>(value));
  append(::crc32(0, body.data(), static_cast<uInt>(body.size())));
  return bytes;
}

/// What the header of a PNG says, by the names of its specification.
struct PngHeader {
  uint32_t width, height;
  uint8_t depth, colours;
  uint8_t interlaced = 0;
};

/// `lines` is what the file inflates to: a filter's number before every line of pixels.
inline Bytes png(const PngHeader& header, const std::vector<uint8_t>& lines, const std::vector<uint8_t>& palette = {}) {
  std::vector<uint8_t> sizes;
  for (const uint32_t size : {header.width, header.height})
    for (const int shift : {24, 16, 8, 0}) sizes.push_back(static_cast<uint8_t>(size >> shift & 255));
  for (const uint8_t value : {header.depth, header.colours, uint8_t{0}, uint8_t{0}, header.interlaced})
    sizes.push_back(value);
  uLongf packed_size = ::compressBound(lines.size());
  std::vector<uint8_t> packed(packed_size);
  if (::compress2(packed.data(), &packed_size, lines.data(), lines.size(), 9) != Z_OK)
    throw std::runtime_error("cannot compress");
  packed.resize(packed_size);

  Bytes bytes = joined(to_bytes("\x89PNG\r\n\x1a\n"), png_chunk("IHDR", sizes));
  if (!palette.empty()) bytes = joined(bytes, png_chunk("PLTE", palette));
  return joined(joined(bytes, png_chunk("IDAT", packed)), png_chunk("IEND", {}));
}

/// Pixels `[height, width, 3]` as a PNG.
inline Bytes rgb_png(uint32_t width, uint32_t height, const std::vector<uint8_t>& pixels) {
  std::vector<uint8_t> lines;
  for (size_t y = 0; y < height; ++y) {
    lines.push_back(0);
    const auto line = pixels.begin() + static_cast<std::ptrdiff_t>(y * width * 3);
    lines.insert(lines.end(), line, line + width * 3);
  }
  return png({width, height, 8, 2}, lines);
}

/// One colour everywhere.
inline Bytes plain_png(uint32_t width, uint32_t height, uint8_t red, uint8_t green, uint8_t blue) {
  std::vector<uint8_t> pixels;
  for (uint64_t i = 0; i < uint64_t{width} * height; ++i) pixels.insert(pixels.end(), {red, green, blue});
  return rgb_png(width, height, pixels);
}

}  // namespace wasserkern::testing
