#include "kernels/reduce.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <set>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

/// Small whole numbers: their sums are exact in any order, so that an element lost or taken twice shows.
std::vector<float> whole_numbers(std::mt19937_64& source, int64_t count) {
  std::uniform_int_distribution<int> number(-3, 4);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(number(source));
  return values;
}

}  // namespace

TEST_CASE("a sum takes every element once", "[reduce]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const int64_t size : {0, 1, 2, 31, 1024, 1025, 4095, 4096, 4097, 70001}) {
      const std::vector<float> x = whole_numbers(source, size);
      double expected = 0;
      for (const float value : x) expected += value;
      OnStream input(stream, x);
      OnStream out(stream, std::vector<float>{-1});
      sum(stream, input.vector(), out.vector());
      INFO("size " << size);
      REQUIRE(out.host()[0] == expected);
    }
  });
}

TEST_CASE("sums over rows and columns take every element once, also with a stride", "[reduce]") {
  std::mt19937_64 source(test_seed());
  const std::vector<std::pair<int64_t, int64_t>> shapes = {{0, 5},    {5, 0},    {1, 1},    {1, 33},   {33, 1},
                                                           {7, 5},    {64, 10},  {255, 32}, {257, 33}, {65539, 3},
                                                           {3, 4097}, {2, 9001}, {5, 1024}, {5, 1025}};
  with_stream([&](auto& stream) {
    for (const auto& [rows, columns] : shapes)
      for (const int64_t gap : {0, 3}) {
        const int64_t stride = columns + gap;
        const std::vector<float> x = whole_numbers(source, rows * stride);
        std::vector<float> row_sums(rows), column_sums(columns);
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            row_sums[i] += x[i * stride + j];
            column_sums[j] += x[i * stride + j];
          }
        OnStream input(stream, x);
        const Matrix<const float> matrix{input.data(), rows, columns, stride};
        OnStream over_columns(stream, std::vector<float>(rows, -1.0f));
        OnStream over_rows(stream, std::vector<float>(columns, -1.0f));
        sum_over_columns(stream, matrix, over_columns.vector());
        sum_over_rows(stream, matrix, over_rows.vector());
        INFO(rows << "x" << columns << " stride " << stride);
        REQUIRE(over_columns.host() == row_sums);
        REQUIRE(over_rows.host() == column_sums);
      }
  });
}

// Whole numbers cannot show an order; these do.
TEST_CASE("sums of random shapes depend neither on alignment nor on stride", "[reduce]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (int trial = 0; trial < 12; ++trial) {
      const int64_t rows = random_size(source, trial % 2 ? 40 : 600),
                    columns = random_size(source, trial % 2 ? 5000 : 90);
      const std::vector<float> values = random_normals(source, rows * columns);
      INFO(rows << "x" << columns);
      const auto sums = [&](int64_t offset, int64_t gap) {
        const int64_t stride = columns + gap;
        std::vector<float> spaced(static_cast<size_t>(offset + rows * stride), 7.0f);
        for (int64_t i = 0; i < rows; ++i)
          std::copy_n(values.begin() + i * columns, columns, spaced.begin() + offset + i * stride);
        OnStream input(stream, spaced);
        OnStream out(stream, std::vector<float>(static_cast<size_t>(rows + columns)));
        const Matrix<const float> x{input.data() + offset, rows, columns, stride};
        sum_over_columns(stream, x, {out.data(), rows});
        sum_over_rows(stream, x, {out.data() + rows, columns});
        return out.host();
      };
      const std::vector<float> expected = sums(0, 0);
      for (const auto& [offset, gap] : {std::pair<int64_t, int64_t>{1, 0}, {0, 1}, {0, 4}, {3, 2}})
        if (columns != 1 || gap == 0) REQUIRE(sums(offset, gap) == expected);  // a column without gaps is one long sum
      for (int64_t i = 0; i < rows; ++i) {
        double total = 0, size = 0;
        for (int64_t j = 0; j < columns; ++j)
          total += values[i * columns + j], size += std::abs(values[i * columns + j]);
        REQUIRE(std::abs(expected[i] - total) <= 0x1p-18 * size);  // chains of 64 half-ulps at most
      }
    }
  });
}

// 10^6 times 0.1 added one by one in float is 1 % off. Chains of a few hundred additions, each half an ulp off at
// worst, stay within 512 half-ulps: 2^-15.
TEST_CASE("long sums keep their digits", "[reduce]") {
  constexpr int64_t kSize = 1'000'000;
  const double expected = kSize * static_cast<double>(0.1f);
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>(kSize, 0.1f));
    OnStream out(stream, std::vector<float>(2));
    sum(stream, x.vector(), {out.data(), 1});
    REQUIRE(std::abs(out.host()[0] - expected) < 0x1p-15 * expected);
    sum_over_rows(stream, {x.data(), kSize / 2, 2}, out.vector());
    REQUIRE(std::abs(out.host()[0] - expected / 2) < 0x1p-15 * expected);
    REQUIRE(out.host()[0] == out.host()[1]);
  });
}

TEST_CASE("sums repeat bit for bit", "[reduce]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    OnStream x(stream, random_normals(source, 300 * 301));
    const auto once = [&] {
      OnStream out(stream, std::vector<float>(301 + 300 + 1));
      sum_over_rows(stream, {x.data(), 300, 301}, {out.data(), 301});
      sum_over_columns(stream, {x.data(), 300, 301}, {out.data() + 301, 300});
      sum(stream, x.vector(), {out.data() + 601, 1});
      return out.host();
    };
    const std::vector<float> first = once(), second = once();
    REQUIRE(std::memcmp(first.data(), second.data(), first.size() * sizeof(float)) == 0);
  });
}

TEST_CASE("count_distinct counts every value once", "[reduce]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const int64_t range : {1, 31, 32, 33, 100000})
      for (const int64_t size : {0, 1, 64, 1001}) {
        std::uniform_int_distribution<int32_t> any(0, static_cast<int32_t>(range - 1));
        std::vector<int32_t> values(size);
        for (int32_t& value : values) value = any(source);
        OnStream index(stream, values);
        OnStream out(stream, std::vector<float>{-1});
        count_distinct(stream, range, index.vector(), out.vector());
        INFO("range " << range << " size " << size);
        REQUIRE(out.host()[0] == std::set<int32_t>(values.begin(), values.end()).size());
      }
  });
}

TEST_CASE("reductions refuse outputs of another size", "[reduce]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>(6)), out(stream, std::vector<float>(4));
    OnStream index(stream, std::vector<int32_t>{0});
    REQUIRE_THROWS_AS(sum(stream, x.vector(), out.vector()), ShapeError);
    REQUIRE_THROWS_AS(sum_over_rows(stream, x.matrix(2, 3), out.vector()), ShapeError);
    REQUIRE_THROWS_AS(sum_over_columns(stream, x.matrix(2, 3), out.vector()), ShapeError);
    REQUIRE_THROWS_AS(count_distinct(stream, 5, index.vector(), out.vector()), ShapeError);
  });
}
