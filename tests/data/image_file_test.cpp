#include "data/image_file.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <random>

#include "tests/data/picture_bytes.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;
using data::RgbImage;

namespace {

using Colour = std::array<int, 3>;

Colour colour_at(const RgbImage& image, int64_t y, int64_t x) {
  const uint8_t* pixel = image.pixels.get() + (y * image.width + x) * 3;
  return {pixel[0], pixel[1], pixel[2]};
}

RgbImage made_of(int64_t height, int64_t width, const std::vector<uint8_t>& pixels) {
  RgbImage image{.height = height, .width = width, .pixels = {}};
  image.pixels.reset(static_cast<uint8_t*>(std::malloc(pixels.size())));
  std::ranges::copy(pixels, image.pixels.get());
  return image;
}

RgbImage random_image(int64_t height, int64_t width, std::mt19937_64& random) {
  std::vector<uint8_t> pixels(static_cast<size_t>(height * width * 3));
  for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random());
  return made_of(height, width, pixels);
}

std::vector<uint8_t> centre_square(const RgbImage& image, int64_t side) {
  std::vector<uint8_t> out(static_cast<size_t>(side * side * 3), 77);
  data::centre_square(image, side, out);
  return out;
}

std::string error_of(const Bytes& bytes) {
  return data_error([&] { data::decode_image(bytes, "file"); });
}

/// What pixel `i` of the resized axis weighs pixel `j` of the original: a triangle, two steps of the coarser of the two
/// wide. Pixels beyond the border are the border's.
std::vector<double> weights(int64_t i, int64_t length, double resized) {
  const double step = static_cast<double>(length) / resized, reach = std::max(1.0, step);
  const double centre = (static_cast<double>(i) + 0.5) * step - 0.5;
  std::vector<double> result(static_cast<size_t>(length), 0.0);
  double sum = 0;
  for (auto j = static_cast<int64_t>(std::floor(centre - reach)); j <= std::ceil(centre + reach); ++j) {
    const double weight = std::max(0.0, 1 - std::abs(static_cast<double>(j) - centre) / reach);
    result[static_cast<size_t>(std::clamp<int64_t>(j, 0, length - 1))] += weight;
    sum += weight;
  }
  for (double& weight : result) weight /= sum;
  return result;
}

/// The whole picture is resized, then cropped, in doubles: Resize(side) and CenterCrop(side) as torchvision has them.
std::vector<double> resized_and_cropped(const RgbImage& image, int64_t side) {
  const bool upright = image.width <= image.height;
  const int64_t height = upright ? side * image.height / image.width : side;
  const int64_t width = upright ? side : side * image.width / image.height;
  const auto top = std::lrint(static_cast<double>(height - side) / 2);
  const auto left = std::lrint(static_cast<double>(width - side) / 2);
  std::vector<double> result;
  for (int64_t y = top; y < top + side; ++y) {
    const std::vector<double> down = weights(y, image.height, static_cast<double>(height));
    for (int64_t x = left; x < left + side; ++x) {
      const std::vector<double> across = weights(x, image.width, static_cast<double>(width));
      std::array<double, 3> sums{};
      for (int64_t i = 0; i < image.height; ++i) {
        if (down[static_cast<size_t>(i)] == 0) continue;
        for (int64_t j = 0; j < image.width; ++j) {
          const Colour colour = colour_at(image, i, j);
          for (size_t channel = 0; channel < 3; ++channel)
            sums[channel] += down[static_cast<size_t>(i)] * across[static_cast<size_t>(j)] * colour[channel];
        }
      }
      result.insert(result.end(), sums.begin(), sums.end());
    }
  }
  return result;
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

TEST_CASE("The middle square is the one of torchvision's Resize and CenterCrop", "[image]") {
  INFO("seed " << test_seed());
  std::mt19937_64 random(test_seed());
  const auto compare = [&](int64_t height, int64_t width, int64_t side) {
    INFO(height << " x " << width << " to " << side);
    const RgbImage image = random_image(height, width, random);
    const std::vector<uint8_t> ours = centre_square(image, side);
    const std::vector<double> reference = resized_and_cropped(image, side);
    double worst = 0;
    for (size_t k = 0; k < ours.size(); ++k) worst = std::max(worst, std::abs(ours[k] - reference[k]));
    CHECK(worst <= 0.502);  // rounded once, and sums of floats
  };
  compare(109, 89, 64);  // the faces of CelebA at half resolution
  compare(218, 178, 20);
  compare(1, 1, 5);
  compare(1, 700, 4);
  compare(2'000, 3, 2);
  compare(7, 8, 1);
  for (int round = 0; round < 40; ++round) compare(1 + random() % 60, 1 + random() % 60, 1 + random() % 24);
}

TEST_CASE("A square of the right size is left as it is", "[image]") {
  std::mt19937_64 random(5);
  const RgbImage image = random_image(16, 16, random);
  CHECK(std::ranges::equal(centre_square(image, 16), std::span(image.pixels.get(), 16 * 16 * 3)));
}

TEST_CASE("Fine patterns become their mean, without moire", "[image]") {
  constexpr int64_t kSide = 500;  // of a board; at its border, where it ends, a little of it is left
  std::vector<uint8_t> board;
  for (int64_t k = 0; k < kSide * kSide; ++k) board.insert(board.end(), 3, (k / kSide + k) % 2 == 0 ? 255 : 0);
  for (const int64_t side : {64, 63, 100}) {
    for (const uint8_t value : centre_square(made_of(kSide, kSide, board), side)) {
      if (std::abs(value - 127.5) > 8) FAIL("value " << int{value} << " at side " << side);
    }
  }
}

TEST_CASE("Extreme pictures keep their colour", "[image]") {
  for (const auto& [height, width] : {std::pair{1, 65'535}, {65'535, 2}, {3, 40'000}, {1, 1}}) {
    std::vector<uint8_t> pixels;
    for (int64_t k = 0; k < int64_t{height} * width; ++k) pixels.insert(pixels.end(), {10, 130, 250});
    const std::vector<uint8_t> square = centre_square(made_of(height, width, pixels), 64);
    for (size_t k = 0; k < square.size(); ++k) {
      if (square[k] != pixels[k % 3]) FAIL("value " << int{square[k]} << " of " << height << " x " << width);
    }
  }
}

TEST_CASE("A square of no size, or into too little room, is a ShapeError", "[image]") {
  std::vector<uint8_t> out(11);
  const RgbImage image = made_of(1, 1, {1, 2, 3});
  CHECK_THROWS_AS(data::centre_square(image, 2, out), ShapeError);
  CHECK_THROWS_AS(data::centre_square(image, 0, std::span(out).first(0)), ShapeError);
}
