#include "kernels/l1_bytes.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// x [m,d] and y [n,d] with `gap` unused bytes after every row.
struct Images {
  int64_t m, n, d, gap;
  std::vector<uint8_t> x, y;

  int64_t stride() const { return d + gap; }
  int64_t distance(int64_t i, int64_t j) const {
    int64_t sum = 0;
    for (int64_t k = 0; k < d; ++k) sum += std::abs(int{x[i * stride() + k]} - int{y[j * stride() + k]});
    return sum;
  }
};

std::vector<uint8_t> random_bytes(std::mt19937_64& source, int64_t size, int largest) {
  std::uniform_int_distribution<int> byte(0, largest);
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  for (uint8_t& value : bytes) value = static_cast<uint8_t>(byte(source));
  return bytes;
}

Images random_images(std::mt19937_64& source, int64_t m, int64_t n, int64_t d, int64_t gap = 0, int largest = 255) {
  return {m, n, d, gap, random_bytes(source, m * (d + gap), largest), random_bytes(source, n * (d + gap), largest)};
}

struct Answer {
  std::vector<float> out;
  std::vector<int32_t> argmin;
};

template <class Stream>
Answer solve(Stream& stream, float scale, const Images& images, const std::vector<float>& phi) {
  const OnStream x(stream, images.x), y(stream, images.y);
  const OnStream potential(stream, phi);
  const OnStream out(stream, std::vector<float>(static_cast<size_t>(images.n), -777));
  const OnStream argmin(stream, std::vector<int32_t>(static_cast<size_t>(images.n), -777));
  c_transform_bytes(stream, scale, {x.data(), images.m, images.d, images.stride()}, potential.vector(),
                    {y.data(), images.n, images.d, images.stride()}, out.vector(), argmin.vector());
  return {out.host(), argmin.host()};
}

/// scale |x_i - y_j| - phi, each operation rounded to a float: in doubles one operation on floats is exact enough.
float value_at(float scale, const Images& images, const std::vector<float>& phi, int64_t i, int64_t j) {
  const float distance = static_cast<float>(images.distance(i, j));
  const float cost = static_cast<float>(double{scale} * double{distance});
  return static_cast<float>(double{cost} - double{phi[i]});
}

/// Value and place to the bit, ties at the lowest index.
void check_minima(const Answer& answer, float scale, const Images& images, const std::vector<float>& phi) {
  for (int64_t j = 0; j < images.n; ++j) {
    int64_t first = 0;
    for (int64_t i = 1; i < images.m; ++i)
      if (value_at(scale, images, phi, i, j) < value_at(scale, images, phi, first, j)) first = i;
    REQUIRE(answer.argmin[j] == first);
    REQUIRE(answer.out[j] == value_at(scale, images, phi, first, j));
  }
}

struct Shape {
  int64_t m, n, d, gap;
};

// Tails of 0 to 7 coordinates; sizes around the tiles of every instruction set and of the GPU; more than one slice.
const std::vector<Shape> kShapes = {{1, 1, 1, 0},     {1, 1, 8, 0},     {2, 7, 13, 3},    {8, 16, 16, 0},
                                    {9, 33, 17, 1},   {65, 31, 257, 0}, {64, 64, 784, 0}, {131, 67, 5, 2},
                                    {7, 129, 300, 4}, {3, 5, 1024, 0},  {5, 3, 1031, 0},  {70, 17, 2050, 1},
                                    {257, 3, 31, 0},  {1, 65, 2, 0},    {6, 9, 4, 4}};

}  // namespace

// [gpu-only]: what runs CUDA programs without a GPU may lack the video instruction vabsdiff4.

TEST_CASE("l1_bytes is the exact sum of absolute differences", "[l1_bytes][gpu-only]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const Shape shape : kShapes) {
      INFO("m=" << shape.m << " n=" << shape.n << " d=" << shape.d << " gap=" << shape.gap);
      const Images images = random_images(source, shape.m, shape.n, shape.d, shape.gap);
      const OnStream x(stream, images.x), y(stream, images.y);
      const int64_t stride = shape.n + 2;
      const OnStream out(stream, std::vector<int32_t>(static_cast<size_t>(shape.m * stride), -777));
      l1_bytes(stream, {x.data(), shape.m, shape.d, images.stride()}, {y.data(), shape.n, shape.d, images.stride()},
               {out.data(), shape.m, shape.n, stride});
      const std::vector<int32_t> sums = out.host();
      for (int64_t i = 0; i < shape.m; ++i)
        for (int64_t j = 0; j < stride; ++j)
          REQUIRE(sums[i * stride + j] == (j < shape.n ? images.distance(i, j) : -777));
    }
  });
}

TEST_CASE("l1_bytes of the farthest images is 255 for every coordinate", "[l1_bytes][gpu-only]") {
  with_stream([](auto& stream) {
    constexpr int64_t kSize = 66'000;  // more than a 16-bit sum of such differences holds, and than float's 24 bits
    const OnStream x(stream, std::vector<uint8_t>(kSize, 255)), y(stream, std::vector<uint8_t>(kSize, 0));
    OnStream sums(stream, std::vector<int32_t>(1));
    l1_bytes(stream, x.matrix(1, kSize), y.matrix(1, kSize), sums.matrix(1, 1));
    CHECK(sums.host() == std::vector<int32_t>{255 * kSize});
    l1_bytes(stream, y.matrix(1, kSize), x.matrix(1, kSize), sums.matrix(1, 1));
    CHECK(sums.host() == std::vector<int32_t>{255 * kSize});
  });
}

TEST_CASE("c_transform_bytes is the minimum over candidates, to the bit", "[l1_bytes][gpu-only]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const Shape shape : kShapes) {
      INFO("m=" << shape.m << " n=" << shape.n << " d=" << shape.d << " gap=" << shape.gap);
      const float scale = 2 / 255.0f;
      const Images images = random_images(source, shape.m, shape.n, shape.d, shape.gap);
      const std::vector<float> phi = random_normals(source, shape.m, 3);
      check_minima(solve(stream, scale, images, phi), scale, images, phi);
    }
  });
}

TEST_CASE("c_transform_bytes gives ties to the lowest index", "[l1_bytes][gpu-only]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Images images = random_images(source, on_cuda() ? 1003 : 10007, 37, 3, 0, 2);
  std::vector<float> phi(static_cast<size_t>(images.m));
  for (float& value : phi) value = static_cast<float>(source() % 3);
  with_stream([&](auto& stream) { check_minima(solve(stream, 1, images, phi), 1, images, phi); });
}

TEST_CASE("c_transform_bytes treats what is not finite as c_transform does", "[l1_bytes][gpu-only]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    const Images images = random_images(source, 70, 35, 9);
    std::vector<float> phi = random_normals(source, 70);
    phi[3] = kInfinity;  // a value of -infinity before it does not stop a NaN
    phi[17] = phi[69] = kNan;
    const Answer with_nan = solve(stream, 1, images, phi);
    for (size_t j = 0; j < 35; ++j) {
      CHECK(std::isnan(with_nan.out[j]));
      CHECK(with_nan.argmin[j] == 17);
    }
    const Answer infinite = solve(stream, 1, images, std::vector<float>(70, -kInfinity));
    CHECK(infinite.out == std::vector<float>(35, kInfinity));
    CHECK(infinite.argmin == std::vector<int32_t>(35, 0));
    const Answer below = solve(stream, 1, {3, 1, 1, 0, {1, 2, 3}, {1}}, {0, kInfinity, kInfinity});
    CHECK(below.out == std::vector<float>{-kInfinity});
    CHECK(below.argmin == std::vector<int32_t>{1});
  });
}

TEST_CASE("bytes without coordinates or without points", "[l1_bytes][gpu-only]") {
  with_stream([](auto& stream) {
    const Answer answer = solve(stream, 1, {4, 3, 0, 0, {}, {}}, {1, 5, 5, -2});
    CHECK(answer.out == std::vector<float>{-5, -5, -5});
    CHECK(answer.argmin == std::vector<int32_t>{1, 1, 1});
    CHECK(solve(stream, 1, {2, 0, 3, 0, std::vector<uint8_t>(6), {}}, {0, 0}).out.empty());

    const OnStream sums(stream, std::vector<int32_t>(6, -777));
    const OnStream bytes(stream, std::vector<uint8_t>(6));
    l1_bytes(stream, {bytes.data(), 2, 0}, {bytes.data(), 3, 0}, sums.matrix(2, 3));
    CHECK(sums.host() == std::vector<int32_t>(6, 0));
    CHECK_NOTHROW(l1_bytes(stream, {bytes.data(), 0, 3}, {bytes.data(), 2, 3}, sums.matrix(0, 2)));
    CHECK_NOTHROW(l1_bytes(stream, {bytes.data(), 2, 3}, {bytes.data(), 0, 3}, sums.matrix(2, 0)));
  });
}

TEST_CASE("c_transform_bytes has the same bits on any number of threads", "[l1_bytes]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Shape shape : {Shape{256, 256, 784, 0}, {4003, 5, 197, 0}, {3, 4003, 197, 0}, {601, 603, 147, 0}}) {
    INFO("m=" << shape.m << " n=" << shape.n << " d=" << shape.d);
    const Images images = random_images(source, shape.m, shape.n, shape.d);
    const std::vector<float> phi = random_normals(source, shape.m);
    CpuStream alone(1);
    const Answer one = solve(alone, 0.01f, images, phi);
    for (const int threads : {2, 3, 5}) {
      CpuStream together(threads);
      const Answer several = solve(together, 0.01f, images, phi);
      CHECK(several.out == one.out);
      CHECK(several.argmin == one.argmin);
    }
  }
}

TEST_CASE("kernels on bytes refuse shapes that do not fit", "[l1_bytes]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<uint8_t>(64));
    const OnStream values(stream, std::vector<float>(8));
    const OnStream places(stream, std::vector<int32_t>(8));
    const uint8_t* const b = memory.data();
    float* const p = values.data();
    int32_t* const q = places.data();
    constexpr int64_t kTooWide = 8'421'505;  // 255 times it is 2^31 and some

    CHECK_NOTHROW(l1_bytes(stream, {b, 0, 3}, {b, 4, 3}, {q, 0, 4}));
    CHECK_THROWS_AS(l1_bytes(stream, {b, 2, 3}, {b, 4, 3}, {q, 4, 2}), ShapeError);
    CHECK_THROWS_AS(l1_bytes(stream, {b, 2, 3}, {b, 4, 3}, {q, 2, 3}), ShapeError);
    CHECK_THROWS_WITH(l1_bytes(stream, {b, 2, 3}, {b, 4, 5}, {q, 2, 4}), Catch::Contains("3") && Catch::Contains("5"));
    CHECK_THROWS_AS(l1_bytes(stream, {b, 1, kTooWide}, {b, 1, kTooWide}, {q, 1, 1}), ShapeError);

    const auto call = [&](Matrix<const uint8_t> x, Vector<const float> phi, Matrix<const uint8_t> y, int64_t out_size,
                          int64_t argmin_size) {
      c_transform_bytes(stream, 1, x, phi, y, {p, out_size}, {q, argmin_size});
    };
    CHECK_NOTHROW(call({b, 2, 3}, {p, 2}, {b, 0, 3}, 0, 0));
    CHECK_THROWS_AS(call({b, 0, 3}, {p, 0}, {b, 4, 3}, 4, 4), ShapeError);
    CHECK_THROWS_AS(call({b, 0, 3}, {p, 0}, {b, 0, 3}, 0, 0), ShapeError);
    CHECK_THROWS_AS(call({b, 2, 3}, {p, 2}, {b, 4, 5}, 4, 4), ShapeError);
    CHECK_THROWS_AS(call({b, 2, 3}, {p, 3}, {b, 4, 3}, 4, 4), ShapeError);
    CHECK_THROWS_AS(call({b, 2, 3}, {p, 2}, {b, 4, 3}, 5, 4), ShapeError);
    CHECK_THROWS_AS(call({b, 2, 3}, {p, 2}, {b, 4, 3}, 4, 5), ShapeError);
    CHECK_THROWS_AS(call({b, 1, kTooWide}, {p, 1}, {b, 1, kTooWide}, 1, 1), ShapeError);
  });
}
