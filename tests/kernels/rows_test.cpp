#include "kernels/rows.h"

#include <catch2/catch.hpp>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

std::vector<int32_t> random_index(std::mt19937_64& source, int64_t size, int64_t range) {
  std::uniform_int_distribution<int32_t> place(0, static_cast<int32_t>(range - 1));
  std::vector<int32_t> index;
  for (int64_t j = 0; j < size; ++j) index.push_back(place(source));
  return index;
}

/// m: rows that are indexed, n: indices, d: columns; strides are d + gap.
struct Shape {
  int64_t m, n, d, gap;
};

const std::vector<Shape> kShapes = {{1, 1, 1, 0},     {5, 0, 3, 0},    {7, 4, 0, 0},       {3, 50, 1, 0},
                                    {2000, 64, 5, 2}, {10, 97, 33, 1}, {300, 301, 70, 0},  {4, 9, 785, 3},
                                    {1, 257, 130, 0}, {3, 1500, 8, 0}, {2500, 1100, 2, 0}, {6, 2049, 36, 4}};

/// These and some random ones; what is indexed has a row at least.
std::vector<Shape> shapes(std::mt19937_64& source) {
  std::vector<Shape> all = kShapes;
  for (int i = 0; i < 8; ++i)
    all.push_back({random_size(source, 999) + 1, random_size(source, 2000), random_size(source, 50),
                   static_cast<int64_t>(source() % 5)});
  return all;
}

}  // namespace

TEST_CASE("gather_rows copies the rows that are named", "[rows]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const Shape& shape : shapes(source)) {
      INFO("m=" << shape.m << " n=" << shape.n << " d=" << shape.d << " gap=" << shape.gap);
      const int64_t stride = shape.d + shape.gap;
      const std::vector<float> rows = random_normals(source, shape.m * stride);
      const std::vector<int32_t> index = random_index(source, shape.n, shape.m);
      const OnStream x(stream, rows);
      const OnStream places(stream, index);
      const OnStream out(stream, std::vector<float>(static_cast<size_t>(shape.n * stride), -777));
      gather_rows(stream, {x.data(), shape.m, shape.d, stride}, places.vector(),
                  {out.data(), shape.n, shape.d, stride});
      std::vector<float> expected(static_cast<size_t>(shape.n * stride), -777);
      for (int64_t j = 0; j < shape.n; ++j)
        for (int64_t k = 0; k < shape.d; ++k) expected[j * stride + k] = rows[index[j] * stride + k];
      CHECK(out.host() == expected);
    }
  });
}

TEST_CASE("scatter_rows adds rows in their order", "[rows]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const Shape& shape : shapes(source)) {
      INFO("m=" << shape.m << " n=" << shape.n << " d=" << shape.d << " gap=" << shape.gap);
      const int64_t stride = shape.d + shape.gap;
      const std::vector<float> rows = random_normals(source, shape.n * stride);
      const std::vector<int32_t> index = random_index(source, shape.n, shape.m);
      const OnStream x(stream, rows);
      const OnStream places(stream, index);
      const OnStream out(stream, std::vector<float>(static_cast<size_t>(shape.m * stride), -777));
      scatter_rows(stream, {x.data(), shape.n, shape.d, stride}, places.vector(),
                   {out.data(), shape.m, shape.d, stride});
      std::vector<float> expected(static_cast<size_t>(shape.m * stride), -777);
      for (int64_t i = 0; i < shape.m; ++i)
        for (int64_t k = 0; k < shape.d; ++k) expected[i * stride + k] = 0;
      for (int64_t j = 0; j < shape.n; ++j)
        for (int64_t k = 0; k < shape.d; ++k) expected[index[j] * stride + k] += rows[j * stride + k];
      CHECK(out.host() == expected);  // bit for bit: float addition in the order of j
    }
  });
}

TEST_CASE("rows refuse shapes that do not fit", "[rows]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    const OnStream places(stream, std::vector<int32_t>(4));
    float* const p = memory.data();
    const Vector<const int32_t> index = places.vector();
    CHECK_THROWS_AS(gather_rows(stream, {p, 2, 3}, index, {p + 32, 5, 3}), ShapeError);
    CHECK_THROWS_AS(gather_rows(stream, {p, 2, 3}, index, {p + 32, 4, 2}), ShapeError);
    CHECK_THROWS_AS(scatter_rows(stream, {p, 5, 3}, index, {p + 32, 2, 3}), ShapeError);
    CHECK_THROWS_AS(scatter_rows(stream, {p, 4, 3}, index, {p + 32, 2, 2}), ShapeError);
    CHECK_THROWS_WITH(gather_rows(stream, {p, 2, 3}, index, {p + 32, 5, 3}),
                      Catch::Contains("5") && Catch::Contains("4"));
  });
}
