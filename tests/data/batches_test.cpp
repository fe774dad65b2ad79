#include "data/batches.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include "kernels/error.h"

using namespace wasserkern;
using data::Batches;
using data::Images;
using data::PixelRange;
using data::Points;
using data::Remainder;

namespace {

/// `count` images; the first pixel of image i is i, so that a batch tells which images it holds.
Images numbered_images(int64_t count, int64_t width = 3) {
  std::vector<uint8_t> pixels;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t k = 0; k < 2 * width; ++k) pixels.push_back(static_cast<uint8_t>(i + 7 * k));
  }
  return {.count = count, .height = 2, .width = width, .channels = 1, .pixels = std::move(pixels)};
}

std::vector<float> next(Batches& batches) {
  const auto size = static_cast<size_t>(batches.next_rows() * batches.features());
  const auto values = batches.next();
  REQUIRE(values.size() == size);
  return {values.begin(), values.end()};
}

/// The images of the next batch; the batches give pixels in [0, 1].
std::vector<int> next_numbers(Batches& batches) {
  const std::vector<float> values = next(batches);
  std::vector<int> numbers;
  for (size_t i = 0; i < values.size(); i += 6) numbers.push_back(static_cast<int>(std::lround(values[i] * 255)));
  return numbers;
}

std::vector<int> next_epoch(Batches& batches) {
  std::vector<int> numbers;
  for (int64_t i = 0; i < batches.batches_per_epoch(); ++i)
    std::ranges::copy(next_numbers(batches), std::back_inserter(numbers));
  return numbers;
}

std::vector<int64_t> order(uint64_t seed, uint64_t epoch, size_t count) {
  std::vector<int64_t> result(count);
  data::shuffled_order(seed, epoch, result);
  return result;
}

}  // namespace

TEST_CASE("The order of an epoch is what it always was", "[batches]") {
  // From an independent implementation. A change breaks the resuming of every run: don't.
  CHECK(order(0, 0, 10) == std::vector<int64_t>{4, 0, 3, 2, 9, 8, 7, 1, 5, 6});
  CHECK(order(0, 1, 10) == std::vector<int64_t>{3, 8, 2, 7, 1, 0, 4, 6, 9, 5});
  CHECK(order(42, 1'000'000, 10) == std::vector<int64_t>{3, 5, 9, 0, 1, 7, 4, 6, 8, 2});
  CHECK(order(~0ull, 1ull << 63, 10) == std::vector<int64_t>{9, 8, 0, 4, 1, 2, 7, 6, 5, 3});
  CHECK(order(1, 1, 1) == std::vector<int64_t>{0});
  CHECK(order(1, 1, 0).empty());
}

TEST_CASE("Every place of an order is equally likely", "[batches]") {
  // 5 images in 60000 orders: each count is binomial with a deviation of 98; 500 is five of them.
  constexpr int orders = 60000;
  int counts[5][5] = {};
  for (int epoch = 0; epoch < orders; ++epoch) {
    const auto chosen = order(7, static_cast<uint64_t>(epoch), 5);
    for (int place = 0; place < 5; ++place) ++counts[place][chosen[place]];
  }
  for (const auto& place : counts) {
    for (const int count : place) CHECK(std::abs(count - orders / 5) < 500);
  }
}

TEST_CASE("An epoch draws every image once, the next one in another order", "[batches]") {
  Batches batches(numbered_images(200), 20, 1, PixelRange::ZeroToOne);
  REQUIRE(batches.batches_per_epoch() == 10);
  std::vector<int> everything(200);
  std::iota(everything.begin(), everything.end(), 0);

  const std::vector<int> first = next_epoch(batches), second = next_epoch(batches);
  CHECK(first != everything);
  CHECK(first != second);
  for (std::vector<int> epoch : {first, second}) {
    std::ranges::sort(epoch);
    CHECK(epoch == everything);
  }
}

TEST_CASE("The images beyond the last whole batch of an epoch are left out", "[batches]") {
  Batches batches(numbered_images(23), 5, 3, PixelRange::ZeroToOne);
  REQUIRE(batches.batches_per_epoch() == 4);
  for (uint64_t epoch = 0; epoch < 50; ++epoch) {
    const std::vector<int> drawn = next_epoch(batches);
    const std::vector<int64_t> expected = order(3, epoch, 23);
    CHECK(std::equal(drawn.begin(), drawn.end(), expected.begin(), expected.begin() + 20));
  }
}

TEST_CASE("Rows are whole images", "[batches]") {
  const Images images = numbered_images(9);
  Batches batches(images, 4, 5, PixelRange::ZeroToOne);
  const std::vector<float> values = next(batches);
  const std::vector<int64_t> expected = order(5, 0, 9);
  for (int64_t row = 0; row < 4; ++row)
    for (int64_t k = 0; k < 6; ++k)
      CHECK(values[row * 6 + k] == static_cast<float>(images.pixels[expected[row] * 6 + k] / 255.0));
}

TEST_CASE("All images in their order", "[batches]") {
  const std::vector<float> values = data::to_floats(numbered_images(3), PixelRange::MinusOneToOne);
  REQUIRE(values.size() == 18);
  for (int i = 0; i < 18; ++i) CHECK(values[i] == (2 * static_cast<float>(i / 6 + 7 * (i % 6)) - 255) / 255);
}

TEST_CASE("Seeking is the same as running there", "[batches]") {
  constexpr uint64_t steps = 40;            // ten epochs of four batches
  const int64_t width = GENERATE(3, 2000);  // the wide ones are made ahead
  const Images images = numbered_images(23, width);
  Batches running(images, 5, 11);
  std::vector<std::vector<float>> drawn;
  for (uint64_t step = 0; step < steps; ++step) {
    CHECK(running.position() == step);
    drawn.push_back(next(running));
  }
  for (const uint64_t position : {0, 1, 3, 4, 5, 17, 39, 20, 2}) {
    Batches fresh(images, 5, 11);
    fresh.seek(position);
    running.seek(position);
    for (uint64_t step = position; step < std::min(position + 6, steps); ++step) {
      CHECK(next(fresh) == drawn[step]);
      running.seek(running.position());  // as every checkpoint does
      CHECK(next(running) == drawn[step]);
      CHECK(running.position() == step + 1);
    }
  }
  running.seek(~0ull);
  const std::vector<float> last = next(running);
  CHECK(running.position() == 0);
  CHECK(next(running) == drawn[0]);
  CHECK(next(running) == drawn[1]);
  running.seek(~0ull);
  CHECK(next(running) == last);
}

TEST_CASE("Batches made ahead are those of the order", "[batches]") {
  const Images images = numbered_images(23, 2000);
  Batches batches(images, 5, 3, PixelRange::ZeroToOne, Remainder::ShorterBatch);
  for (uint64_t epoch = 0; epoch < 20; ++epoch) {
    std::vector<int> drawn;
    for (int64_t i = 0; i < batches.batches_per_epoch(); ++i) {
      const std::vector<float> values = next(batches);
      for (size_t row = 0; row < values.size(); row += 4000)
        drawn.push_back(static_cast<int>(std::lround(values[row] * 255)));
    }
    const std::vector<int64_t> expected = order(3, epoch, 23);
    CHECK(std::equal(drawn.begin(), drawn.end(), expected.begin(), expected.end()));
  }
}

TEST_CASE("Seeds give different orders", "[batches]") {
  std::set<std::vector<int64_t>> orders;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    for (uint64_t epoch = 0; epoch < 100; ++epoch) orders.insert(order(seed, epoch, 30));
  }
  CHECK(orders.size() == 10'000);
}

TEST_CASE("Pixels map to the float nearest to the exact value", "[batches]") {
  std::vector<uint8_t> pixels(256);
  std::iota(pixels.begin(), pixels.end(), uint8_t{0});
  const Images images{.count = 1, .height = 16, .width = 16, .channels = 1, .pixels = std::move(pixels)};

  Batches from_zero(images, 1, 0, PixelRange::ZeroToOne);
  const std::vector<float> share = next(from_zero);
  CHECK(share[0] == 0.0f);
  CHECK(share[127] == static_cast<float>(127.0L / 255));
  CHECK(share[255] == 1.0f);

  Batches from_minus_one(images, 1, 0, PixelRange::MinusOneToOne);
  const std::vector<float> centred = next(from_minus_one);
  CHECK(centred[0] == -1.0f);
  CHECK(centred[127] == static_cast<float>(-1.0L / 255));
  CHECK(centred[255] == 1.0f);

  for (int pixel = 0; pixel < 256; ++pixel) {
    CHECK(share[pixel] == static_cast<float>(pixel / 255.0L));
    CHECK(centred[pixel] == static_cast<float>((2 * pixel - 255) / 255.0L));
  }
}

TEST_CASE("The rest of an epoch can be a shorter batch", "[batches]") {
  // Paper 000's mixture: 140 points in batches of 64, 64 and 12.
  Points points{.count = 140, .features = 2, .values = {}};
  for (int i = 0; i < 280; ++i) points.values.push_back(static_cast<float>(i));
  Batches batches(points, 64, 9);
  REQUIRE(batches.batches_per_epoch() == 3);
  for (uint64_t epoch = 0; epoch < 5; ++epoch) {
    std::vector<float> drawn, expected;
    for (const int64_t rows : {64, 64, 12}) {
      REQUIRE(batches.next_rows() == rows);
      std::ranges::copy(next(batches), std::back_inserter(drawn));
    }
    for (const int64_t i : order(9, epoch, 140))
      expected.insert(expected.end(), {static_cast<float>(2 * i), static_cast<float>(2 * i + 1)});
    CHECK(drawn == expected);
  }
  batches.seek(5);
  CHECK(batches.next_rows() == 12);
  CHECK(next(batches).size() == 24);
  CHECK(batches.next_rows() == 64);

  CHECK(Batches(points, 70, 9).batches_per_epoch() == 2);
  CHECK(Batches(points, 141, 9).next_rows() == 140);
  CHECK(Batches(points, 64, 9, Remainder::LeftOut).batches_per_epoch() == 2);
  Batches images(numbered_images(23), 5, 3, PixelRange::ZeroToOne, Remainder::ShorterBatch);
  CHECK(next_epoch(images).size() == 23);
}

TEST_CASE("Points are copied as they are", "[batches]") {
  const std::vector<float> values = {NAN, -0.0f, INFINITY, 1e-40f, 3, 4};
  Batches batches(Points{3, 2, values}, 3, 4);
  const std::vector<float> drawn = next(batches);
  const auto chosen = order(4, 0, 3);
  for (size_t row = 0; row < 3; ++row)
    CHECK(std::memcmp(&drawn[2 * row], &values[2 * static_cast<size_t>(chosen[row])], 2 * sizeof(float)) == 0);
}

TEST_CASE("Fresh points of a mixture are those of the batch's number", "[batches]") {
  const auto mixture = data::ring_of_clusters(1, 0.1f);
  const int64_t size = GENERATE(7, 10'000);  // the large ones are made ahead
  Batches batches(mixture, size, 5);
  CHECK(batches.features() == 2);
  CHECK(batches.batches_per_epoch() == 1);
  for (const uint64_t position : {0, 1, 2, 7, 3}) {
    batches.seek(position);
    CHECK(batches.next_rows() == size);
    CHECK(next(batches) == data::mixture_sample(mixture, size, 5, position).values);
  }
  CHECK(batches.position() == 4);
  batches.seek(uint64_t{1} << 40);
  CHECK(next(batches) == data::mixture_sample(mixture, size, 5, uint64_t{1} << 40).values);
}

TEST_CASE("Batches that cannot be are errors", "[batches]") {
  CHECK_THROWS_AS(Batches(numbered_images(4), 5, 0), DataError);
  CHECK_THROWS_AS(Batches(numbered_images(0), 1, 0), DataError);
  CHECK_THROWS_AS(Batches(numbered_images(4), 0, 0), UsageError);
  CHECK_THROWS_AS(Batches(numbered_images(4), -1, 0), UsageError);

  Images images = numbered_images(4);
  images.pixels = std::vector<uint8_t>(images.pixels.begin(), images.pixels.end() - 1);
  CHECK_THROWS_AS(Batches(images, 1, 0), ShapeError);
  const int64_t large = int64_t{1} << 32;
  CHECK_THROWS_AS(Batches({.count = large, .height = large, .width = 1, .channels = 1, .pixels = {}}, 1, 0),
                  ShapeError);
  CHECK_THROWS_AS(Batches(Points{0, 2, {}}, 1, 0), DataError);
  CHECK_THROWS_AS(Batches(Points{1, 2, {1, 2}}, 0, 0), UsageError);
  CHECK_THROWS_AS(Batches(Points{2, 2, {1, 2, 3}}, 1, 0), ShapeError);
  CHECK_THROWS_AS(Batches(Points{-1, -2, {1, 2}}, 1, 0), ShapeError);
  CHECK_THROWS_AS(Batches(data::ring_of_clusters(1, 1), 0, 0), UsageError);
  CHECK_THROWS_AS(Batches(data::ring_of_clusters(1, 1, 0), 1, 0), UsageError);
}
