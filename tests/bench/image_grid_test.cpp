#include "bench/harness/image_grid.h"

#include <catch2/catch.hpp>
#include <limits>

#include "kernels/error.h"
#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::bench;
using namespace wasserkern::testing;

namespace {

uint8_t pixel(const Picture& picture, int64_t y, int64_t x, int64_t channel = 0) {
  return picture.bytes.at(static_cast<size_t>((y * picture.width + x) * picture.channels + channel));
}

}  // namespace

TEST_CASE("values become bytes, clamped, and what is not a number black", "[image_grid]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{-1, -0.5f, 0, 0.5f, 1, 2, -7, nan};
  const Picture signed_range = image_grid(values, {.height = 1, .width = 8, .channels = 1}, -1, 1);
  const Picture unit_range = image_grid(values, {.height = 1, .width = 8, .channels = 1}, 0, 1);
  const int64_t magnification = 56 / 8;
  const std::vector<int> expected_signed{0, 64, 128, 191, 255, 255, 0, 0};
  const std::vector<int> expected_unit{0, 0, 0, 128, 255, 255, 0, 0};
  for (int64_t i = 0; i < 8; ++i) {
    CHECK(pixel(signed_range, 2, 2 + i * magnification) == expected_signed[static_cast<size_t>(i)]);
    CHECK(pixel(unit_range, 2, 2 + i * magnification + magnification - 1) == expected_unit[static_cast<size_t>(i)]);
  }
}

TEST_CASE("images stand side by side, in reading order", "[image_grid]") {
  // Five images of 60 x 64, each of one shade: three across, two down, nothing magnified.
  const ImageShape shape{.height = 60, .width = 64, .channels = 3};
  std::vector<float> values;
  for (int image = 0; image < 5; ++image) {
    for (int64_t i = 0; i < shape.values(); ++i) values.push_back(static_cast<float>(image * 10 + i % 3) / 255);
  }
  const Picture picture = image_grid(values, shape, 0, 1);
  CHECK(picture.width == 3 * 66 + 2);
  CHECK(picture.height == 2 * 62 + 2);
  CHECK(picture.channels == 3);
  CHECK(picture.bytes.size() == static_cast<size_t>(picture.width * picture.height * 3));
  for (int image = 0; image < 5; ++image) {
    for (int64_t channel = 0; channel < 3; ++channel) {
      const int64_t top = 2 + image / 3 * 62;
      const int64_t left = 2 + image % 3 * 66;
      CHECK(pixel(picture, top, left, channel) == image * 10 + channel);
      CHECK(pixel(picture, top + 59, left + 63, channel) == image * 10 + channel);
    }
  }
  CHECK(pixel(picture, 0, 0) == 128);
  CHECK(pixel(picture, picture.height - 3, picture.width - 3) == 128);  // where a sixth would be
}

TEST_CASE("what is not images is a ShapeError", "[image_grid]") {
  const std::vector<float> values(10);
  CHECK_THROWS_AS(image_grid(values, {.height = 3, .width = 3, .channels = 1}, 0, 1), ShapeError);
  CHECK_THROWS_AS(image_grid(values, {.height = 1, .width = 5, .channels = 2}, 0, 1), ShapeError);
  CHECK_THROWS_AS(image_grid(values, {.height = 0, .width = 5, .channels = 1}, 0, 1), ShapeError);
  CHECK_THROWS_AS(image_grid({}, {}, 0, 1), ShapeError);
}

TEST_CASE("a picture is written whole or not at all", "[image_grid]") {
  const TemporaryFolder folder;
  const std::vector<float> values(784);
  const Picture picture = image_grid(values, {}, 0, 1);
  write_png(folder / "grid.png", picture);
  const Bytes written = read_bytes(folder / "grid.png");
  CHECK(std::ranges::equal(std::span(written).first(4), to_bytes("\x89PNG")));
  CHECK(folder.names() == std::vector<std::string>{"grid.png"});

  const auto nowhere = folder / "missing/grid.png";
  CHECK(is_one_line_with(data_error([&] { write_png(nowhere, picture); }), nowhere.native()));
}
