#include "data/centre_square.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <random>

#include "kernels/error.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;
using data::RgbImage;

namespace {

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

/// What pixel `i` of the resized axis weighs pixel `j` of the original: a triangle, two steps of the coarser of the two
/// wide, as much of it as lies within the picture.
std::vector<double> weights(int64_t i, int64_t length, double resized) {
  const double step = static_cast<double>(length) / resized, reach = std::max(1.0, step);
  const double centre = (static_cast<double>(i) + 0.5) * step - 0.5;
  std::vector<double> result(static_cast<size_t>(length), 0.0);
  double sum = 0;
  for (int64_t j = 0; j < length; ++j) {
    const double weight = std::max(0.0, 1 - std::abs(static_cast<double>(j) - centre) / reach);
    result[static_cast<size_t>(j)] = weight;
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
          const uint8_t* colour = image.pixels.get() + (i * image.width + j) * 3;
          for (size_t channel = 0; channel < 3; ++channel)
            sums[channel] += down[static_cast<size_t>(i)] * across[static_cast<size_t>(j)] * colour[channel];
        }
      }
      result.insert(result.end(), sums.begin(), sums.end());
    }
  }
  return result;
}

}  // namespace

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
    CHECK(worst <= 1.001);  // rounded twice
  };
  compare(109, 89, 64);  // the faces of CelebA at half resolution
  compare(218, 178, 20);
  compare(1, 1, 5);
  compare(1, 700, 4);
  compare(2'000, 3, 2);
  compare(7, 8, 1);
  for (int round = 0; round < 40; ++round) compare(1 + random() % 60, 1 + random() % 60, 1 + random() % 24);
}

TEST_CASE("The middle square is Pillow's, byte for byte", "[image]") {
  const auto picture = [](int64_t height, int64_t width) {
    std::vector<uint8_t> pixels;
    for (int k = 0; k < height * width; ++k) {
      for (const int value : {37 * k * k, 91 * k + k * k * k, 13 * k}) pixels.push_back(static_cast<uint8_t>(value));
    }
    return made_of(height, width, pixels);
  };
  // Of Pillow 9.4: resize(..., BILINEAR), then crop.
  using Values = std::vector<uint8_t>;
  CHECK(centre_square(picture(7, 11), 3) == Values{114, 80,  83,  102, 143, 115, 105, 139, 149, 108, 140, 128, 108, 120,
                                                   156, 141, 121, 133, 124, 165, 147, 69,  125, 154, 122, 84,  110});
  CHECK(centre_square(picture(9, 5), 4) == Values{107, 126, 174, 110, 88,  189, 186, 45,  205, 88,  128, 220,
                                                  173, 134, 46,  182, 145, 61,  162, 135, 77,  86,  144, 92,
                                                  96,  168, 96,  140, 154, 111, 76,  120, 127, 95,  145, 142,
                                                  49,  121, 172, 137, 49,  187, 134, 96,  203, 130, 148, 218});
  CHECK(centre_square(picture(3, 2), 3) == Values{0,  0,  0,  19, 46,  7,   37, 92,  13,  93, 119, 16, 78, 90,
                                                  23, 62, 62, 29, 123, 183, 36, 115, 118, 43, 107, 53, 49});
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

TEST_CASE("The squares of many images are those of each", "[image]") {
  std::mt19937_64 random(test_seed());
  INFO("seed " << test_seed());
  constexpr int64_t kCount = 3, kHeight = 7, kWidth = 9;
  data::Images images{
      .count = kCount, .height = kHeight, .width = kWidth, .channels = 3, .pixels = {}, .labels = {4, 5, 6}};
  std::vector<uint8_t> pixels, expected;
  for (int64_t i = 0; i < kCount; ++i) {
    const RgbImage one = random_image(kHeight, kWidth, random);
    pixels.insert(pixels.end(), one.pixels.get(), one.pixels.get() + kHeight * kWidth * 3);
    const std::vector<uint8_t> square = centre_square(one, 14);  // twice as large
    expected.insert(expected.end(), square.begin(), square.end());
  }
  images.pixels = pixels;
  const data::Images squares = data::centre_squares(images, 14);
  CHECK(std::vector<int64_t>{squares.count, squares.height, squares.width, squares.channels} ==
        std::vector<int64_t>{kCount, 14, 14, 3});
  CHECK(squares.labels == images.labels);
  CHECK(std::vector(squares.pixels.begin(), squares.pixels.end()) == expected);
  images.channels = 1;
  CHECK_THROWS_AS(data::centre_squares(images, 14), ShapeError);
}

TEST_CASE("A square of no size, or into too little room, is a ShapeError", "[image]") {
  std::vector<uint8_t> out(11);
  const RgbImage image = made_of(1, 1, {1, 2, 3});
  CHECK_THROWS_AS(data::centre_square(image, 2, out), ShapeError);
  CHECK_THROWS_AS(data::centre_square(image, 0, std::span(out).first(0)), ShapeError);
}
