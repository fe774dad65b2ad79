#include "data/image_file.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/data/picture_bytes.h"

using namespace wasserkern;
using namespace wasserkern::testing;
using data::RgbImage;

namespace {

using Colour = std::array<int, 3>;

Colour colour_at(const RgbImage& image, int64_t y, int64_t x) {
  const uint8_t* pixel = image.pixels.get() + (y * image.width + x) * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

std::string error_of(const Bytes& bytes) {
  return data_error([&] { data::decode_image(bytes, "file"); });
}

/// Decoders may be off by 1 in a block's values; coarser chroma and the way to red, green and blue add to that.
void check_colour(const RgbImage& image, int64_t y, int64_t x, const Colour& expected) {
  const Colour found = colour_at(image, y, x);
  for (size_t channel = 0; channel < 3; ++channel) {
    INFO("pixel " << y << ", " << x << ", channel " << channel);
    CHECK(std::abs(found[channel] - expected[channel]) <= 3);
  }
}

void check_halves(const Bytes& bytes, const Colour& left, const Colour& right) {
  const RgbImage image = data::decode_image(bytes, "file");
  REQUIRE(image.height == 8);
  REQUIRE(image.width == 16);
  check_colour(image, 0, 0, left);
  check_colour(image, 7, 6, left);
  check_colour(image, 0, 9, right);
  check_colour(image, 7, 15, right);
}

/// A JPEG with a segment after its first marker.
Bytes with_segment(const Bytes& jpeg, const std::string& content) {
  Bytes bytes(jpeg.begin(), jpeg.begin() + 2);
  const size_t length = content.size() + 2;
  bytes = joined(bytes, {std::byte{0xff}, std::byte{0xe1}, std::byte(length >> 8), std::byte(length & 255)});
  return joined(joined(bytes, to_bytes(content)), {jpeg.begin() + 2, jpeg.end()});
}

}  // namespace

TEST_CASE("JPEGs of every kind become red, green and blue", "[image]") {
  const Colour red{200, 30, 60}, green{20, 180, 90};
  check_halves(from_hex(kBaselineJpeg), red, green);
  check_halves(from_hex(kHalvedChromaJpeg), red, green);
  check_halves(from_hex(kProgressiveJpeg), red, green);
  check_halves(from_hex(kGreyJpeg), {70, 70, 70}, {220, 220, 220});
  check_halves(with_segment(from_hex(kBaselineJpeg), "Exif"), red, green);
}

TEST_CASE("CMYK and YCCK with Adobe's marker are ink on white paper", "[image]") {
  Bytes jpeg = from_hex(kCmykJpeg);
  check_halves(jpeg, {0, 215 * 204 / 255, 204}, {245, 55, 165});

  // The same values as YCCK: luma and chroma of (0, 215, 255) and (245, 55, 165) are the colours (178, 0, 154) and
  // (255, 244, 116), of which ink is the rest.
  const auto transform = std::ranges::search(jpeg, to_bytes("Adobe")).begin() + 11;
  *transform = std::byte{2};
  check_halves(jpeg, {(255 - 178) * 204 / 255, 204, (255 - 154) * 204 / 255}, {0, 255 - 244, 255 - 116});
}

TEST_CASE("PNGs of every kind become red, green and blue", "[image]") {
  const auto pixels = [](const Bytes& bytes) {
    const RgbImage image = data::decode_image(bytes, "file");
    CHECK(image.height * image.width == 2);
    return std::pair{colour_at(image, 0, 0), colour_at(image, image.height - 1, image.width - 1)};
  };
  using Two = std::pair<Colour, Colour>;
  CHECK(pixels(png({2, 1, 8, 2}, {0, 1, 2, 3, 4, 5, 6})) == Two({1, 2, 3}, {4, 5, 6}));
  CHECK(pixels(png({1, 2, 8, 2}, {0, 1, 2, 3, 2, 4, 5, 6})) == Two({1, 2, 3}, {5, 7, 9}));  // a filter: the line above
  // 16 bits: the upper 8.
  CHECK(pixels(png({2, 1, 16, 2}, {0, 1, 255, 2, 0, 3, 128, 200, 1, 201, 2, 202, 3})) ==
        Two({1, 2, 3}, {200, 201, 202}));
  CHECK(pixels(png({2, 1, 16, 0}, {0, 9, 255, 10, 0})) == Two({9, 9, 9}, {10, 10, 10}));
  CHECK(pixels(png({2, 1, 8, 0}, {0, 9, 10})) == Two({9, 9, 9}, {10, 10, 10}));
  CHECK(pixels(png({2, 1, 1, 0}, {0, 0x40})) == Two({0, 0, 0}, {255, 255, 255}));
  CHECK(pixels(png({2, 1, 8, 3}, {0, 1, 0}, {1, 2, 3, 4, 5, 6})) == Two({4, 5, 6}, {1, 2, 3}));
  // What is transparent has its colour all the same.
  CHECK(pixels(png({2, 1, 8, 4}, {0, 9, 0, 10, 128})) == Two({9, 9, 9}, {10, 10, 10}));
  CHECK(pixels(png({2, 1, 8, 6}, {0, 1, 2, 3, 0, 4, 5, 6, 128})) == Two({1, 2, 3}, {4, 5, 6}));
  // Interlaced: the second pixel of a line comes with the sixth pass.
  CHECK(pixels(png({2, 1, 8, 2, 1}, {0, 1, 2, 3, 0, 4, 5, 6})) == Two({1, 2, 3}, {4, 5, 6}));
}

TEST_CASE("A picture that is cut off anywhere is not read", "[image]") {
  for (const char* digits : {kBaselineJpeg, kHalvedChromaJpeg, kProgressiveJpeg, kGreyJpeg, kCmykJpeg}) {
    const Bytes whole = from_hex(digits);
    for (size_t size = 0; size < whole.size(); ++size) {
      INFO("JPEG of " << whole.size() << " bytes, cut to " << size);
      CHECK(is_one_line_with(error_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}), "file: "));
    }
  }
  std::mt19937 random(3);
  std::vector<uint8_t> pixels(20 * 10 * 3);
  for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random());
  const Bytes whole = rgb_png(20, 10, pixels);
  for (size_t size = 0; size < whole.size() - kPngEnd; ++size) {
    INFO("PNG of " << whole.size() << " bytes, cut to " << size);
    CHECK(is_one_line_with(error_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}), "file: "));
  }
}

TEST_CASE("The end of a picture within a picture is not its own", "[image]") {
  const std::string thumbnail = "\xff\xd8 small \xff\xd9";
  const Bytes whole = with_segment(from_hex(kBaselineJpeg), thumbnail);
  CHECK(error_of(whole).empty());
  CHECK(is_one_line_with(error_of({whole.begin(), whole.end() - 2}), "truncated"));
  CHECK(error_of(joined(whole, to_bytes("what a camera appends"))).empty());
}

TEST_CASE("Sizes that a file cannot have are refused before memory is taken", "[image]") {
  Bytes jpeg = from_hex(kBaselineJpeg);
  const auto sizes = std::ranges::search(jpeg, from_hex("ffc000110800080010")).begin() + 5;
  std::fill(sizes, sizes + 4, std::byte{0xff});
  CHECK(is_one_line_with(error_of(jpeg), "65535 x 65535 pixels, which do not fit into 292 bytes"));

  CHECK(is_one_line_with(error_of(png({20'000, 20'000, 1, 0}, {0, 0})), "20000 x 20000 pixels, which do not fit"));
  CHECK(is_one_line_with(error_of(png({70'000, 1, 1, 0}, {0, 0})), "file: "));
  CHECK(is_one_line_with(error_of(png({0xffffffff, 0xffffffff, 16, 6}, {0, 0})), "file: "));
  CHECK(error_of(png({8'000, 1'000, 1, 0}, std::vector<uint8_t>(1'001'000))).empty());  // 1 bit per pixel, all black
}

TEST_CASE("A Huffman table of more codes than there can be is refused", "[image]") {
  Bytes jpeg = from_hex(kGreyJpeg);
  const auto counts = std::ranges::search(jpeg, from_hex("ffc40015")).begin() + 5;
  for (int k = 0; k < 16; ++k) counts[k] = std::byte(k < 8 ? 0 : 255);
  CHECK(is_one_line_with(error_of(jpeg), "a Huffman table of 2040 codes"));
}

TEST_CASE("A JPEG that lacks a table is refused", "[image]") {
  const Bytes marker = from_hex("ffc400");
  for (const char* digits : {kBaselineJpeg, kProgressiveJpeg, kGreyJpeg, kCmykJpeg}) {
    for (const int number : {0x00, 0x10}) {  // of a block's first values, and of the others
      Bytes jpeg = from_hex(digits);
      for (auto table = jpeg.begin();;) {
        table = std::search(table, jpeg.end(), marker.begin(), marker.end());
        if (table == jpeg.end()) break;
        const auto end = table + 2 + std::to_integer<int>(table[3]);
        table = std::to_integer<int>(table[4]) == number ? jpeg.erase(table, end) : end;
      }
      CHECK(is_one_line_with(error_of(jpeg), "without the Huffman tables of its scans"));
    }
  }
}

TEST_CASE("What inflates to more than a picture's size is refused", "[image]") {
  CHECK(is_one_line_with(error_of(png({1, 1, 8, 2}, std::vector<uint8_t>(20'000'000))), "damaged"));
}

TEST_CASE("What is no picture is refused", "[image]") {
  CHECK(is_one_line_with(error_of({}), "no JPEG or PNG"));
  CHECK(is_one_line_with(error_of(to_bytes("some text")), "no JPEG or PNG"));
  CHECK(is_one_line_with(error_of(to_bytes("GIF89a")), "no JPEG or PNG"));
  CHECK(is_one_line_with(error_of(png({2, 1, 8, 2}, {0, 1, 2, 3})), "damaged"));           // a pixel is missing
  CHECK(is_one_line_with(error_of(png({2, 1, 8, 2}, {9, 1, 2, 3, 4, 5, 6})), "damaged"));  // no such filter
}
