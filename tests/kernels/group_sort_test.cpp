#include "kernels/group_sort.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kUntouched = -777;

struct Sample {
  int64_t rows, groups, size, gap;  // strides are the columns and a gap
  std::vector<float> x;

  int64_t columns() const { return groups * size; }
  int64_t stride() const { return columns() + gap; }

  /// Whole numbers, so that some are equal.
  Sample(std::mt19937_64& source, int64_t rows, int64_t groups, int64_t size, int64_t gap)
      : rows(rows), groups(groups), size(size), gap(gap), x(random_normals(source, rows * (groups * size + gap), 4)) {
    for (float& value : x) value = std::round(value);
  }
};

/// Where every sorted value of a sample comes from; beyond the columns, where nothing was written.
std::vector<int32_t> stable_order(const Sample& of) {
  std::vector<int32_t> origin(of.x.size(), -1);
  for (int64_t row = 0; row < of.rows; ++row)
    for (int64_t group = 0; group < of.groups; ++group) {
      const auto begin = origin.begin() + row * of.stride() + group * of.size;
      std::iota(begin, begin + of.size, static_cast<int32_t>(group * of.size));
      std::stable_sort(begin, begin + of.size, [&](int32_t a, int32_t b) {
        const float left = of.x[row * of.stride() + a], right = of.x[row * of.stride() + b];
        return left < right || (std::isnan(right) && !std::isnan(left));
      });
    }
  return origin;
}

struct Result {
  std::vector<int32_t> origin;
  std::vector<float> y, permuted, restored;
};

/// Sorts x, permutes it once more by the order found, and restores what was sorted.
template <class Stream>
Result run(Stream& stream, const Sample& of) {
  const std::vector<float> empty(of.x.size(), kUntouched);
  const OnStream x(stream, of.x), y(stream, empty), permuted(stream, empty), restored(stream, empty);
  const OnStream origin(stream, std::vector<int32_t>(of.x.size(), -1));
  const auto view = [&](const auto& all) { return Matrix<float>{all.data(), of.rows, of.columns(), of.stride()}; };
  const Matrix<int32_t> columns{origin.data(), of.rows, of.columns(), of.stride()};
  group_sort(stream, of.size, view(x), view(y), columns);
  permute_columns(stream, view(x), columns, view(permuted));
  restore_columns(stream, view(y), columns, view(restored));
  return {origin.host(), y.host(), permuted.host(), restored.host()};
}

/// Bit for bit, as NaN are not equal.
void require_same(const char* what, const std::vector<float>& got, const std::vector<float>& expected) {
  INFO(what);
  const auto bits = [](float value) { return std::bit_cast<uint32_t>(value); };
  REQUIRE(std::ranges::equal(got, expected, {}, bits, bits));
}

void require_sorted(const Result& got, const Sample& of) {
  const std::vector<int32_t> origin = stable_order(of);
  REQUIRE(got.origin == origin);
  std::vector<float> sorted(of.x.size(), kUntouched), before = sorted;
  for (int64_t row = 0; row < of.rows * of.stride(); row += of.stride())
    for (int64_t j = row; j < row + of.columns(); ++j) {
      sorted[j] = of.x[row + origin[j]];
      before[j] = of.x[j];
    }
  require_same("sorted", got.y, sorted);
  require_same("permuted", got.permuted, sorted);
  require_same("restored", got.restored, before);
}

}  // namespace

TEST_CASE("groups are sorted, and the order found leads there and back", "[group_sort]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    std::vector<Sample> samples;
    for (const int64_t size : {1, 2, 3, 9, 64, 300})
      for (const int64_t rows : {0, 1, 7})
        samples.emplace_back(source, rows, 1 + static_cast<int64_t>(source() % 5), size, source() % 3);
    samples.emplace_back(source, 4, 0, 2, 1);
    samples.emplace_back(source, 256, 64, 2, 0);
    samples.emplace_back(source, 33, 150, 9, 2);
    for (int i = 0; i < 8; ++i)
      samples.emplace_back(source, random_size(source, 300), random_size(source, 30), 1 + random_size(source, 20), 1);
    for (const Sample& sample : samples) {
      INFO(sample.rows << " rows of " << sample.groups << " groups of " << sample.size << " and a gap of "
                       << sample.gap);
      require_sorted(run(stream, sample), sample);
    }
  });
}

TEST_CASE("sorting puts NaN last and infinities at the ends", "[group_sort]") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const int64_t size : {2, 4}) {
      Sample sample(source, 4, 8 / size, size, 0);
      sample.x = {kNan,       1,    2,    kNan, kNan,  kNan, kInfinity, kNan,  //
                  -kInfinity, 1,    -0.f, 0.f,  0.f,   -0.f, 3,         3,     //
                  kNan,       kNan, kNan, kNan, -kNan, 1,    kNan,      -1,    //
                  5,          4,    3,    2,    1,     0,    -1,        -kInfinity};
      require_sorted(run(stream, sample), sample);
    }
  });
}

TEST_CASE("sorting refuses what does not fit", "[group_sort]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>(24)), y(stream, std::vector<float>(24));
    OnStream origin(stream, std::vector<int32_t>(24));
    const auto sort = [&](int64_t size) {
      group_sort(stream, size, x.matrix(4, 6), y.matrix(4, 6), origin.matrix(4, 6));
    };
    CHECK_NOTHROW(sort(6));
    for (const int64_t size : {-2, 0, 4, 12}) CHECK_THROWS_AS(sort(size), ShapeError);
    CHECK_THROWS_AS(group_sort(stream, 2, x.matrix(4, 6), y.matrix(6, 4), origin.matrix(4, 6)), ShapeError);
    CHECK_THROWS_AS(group_sort(stream, 2, x.matrix(4, 6), y.matrix(4, 6), origin.matrix(3, 6)), ShapeError);
    CHECK_THROWS_AS(permute_columns(stream, x.matrix(4, 6), origin.matrix(6, 4), y.matrix(4, 6)), ShapeError);
    CHECK_THROWS_AS(restore_columns(stream, x.matrix(4, 6), origin.matrix(4, 6), y.matrix(2, 12)), ShapeError);
  });
}
