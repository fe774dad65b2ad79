#pragma once

#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <vector>

#include "kernels/view.h"
#include "tests/kernels/cost_reference.h"
#include "tests/stream.h"

/// What tests of kernels over all pairs of two sets of points share.
namespace wasserkern::testing {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// x [m,d] and y [n,d] with `gap` unused elements after every row, which hold NaN: they must not be read.
struct Pairs {
  int64_t m, n, d, gap = 0;
  std::vector<float> x = {}, y = {};

  int64_t stride() const { return d + gap; }
  const float* x_row(int64_t i) const { return x.data() + i * stride(); }
  const float* y_row(int64_t j) const { return y.data() + j * stride(); }
  Pairs exchanged() const { return {n, m, d, gap, y, x}; }
  std::string text() const {
    return "m=" + std::to_string(m) + " n=" + std::to_string(n) + " d=" + std::to_string(d) +
           " gap=" + std::to_string(gap);
  }
};

/// Normal coordinates; those of x and y differ by more than the steps of finite differences.
inline Pairs random_pairs(std::mt19937_64& source, Pairs shape, float scale = 1) {
  const auto points = [&](int64_t rows, float offset) {
    std::vector<float> values = random_normals(source, rows * shape.stride());
    for (size_t at = 0; at < values.size(); ++at)
      values[at] = static_cast<int64_t>(at) % shape.stride() < shape.d
                       ? scale * (std::round(64 * values[at]) / 64 + offset)
                       : kNan;
    return values;
  };
  shape.x = points(shape.m, 0);
  shape.y = points(shape.n, 1.0f / 128);
  return shape;
}

/// Pairs in a stream's memory.
template <class Stream>
struct PairsOnStream {
  OnStream<float, Stream> x_memory, y_memory;
  Matrix<const float> x, y;

  PairsOnStream(Stream& stream, const Pairs& pairs)
      : x_memory(stream, pairs.x),
        y_memory(stream, pairs.y),
        x{x_memory.data(), pairs.m, pairs.d, pairs.stride()},
        y{y_memory.data(), pairs.n, pairs.d, pairs.stride()} {}
};

/// A matrix with gaps that hold -777, for answers.
template <class Stream>
struct AnswerOnStream {
  OnStream<float, Stream> memory;
  Matrix<float> matrix;

  AnswerOnStream(Stream& stream, int64_t rows, int64_t columns, int64_t gap)
      : memory(stream, std::vector<float>(static_cast<size_t>(rows * (columns + gap)), -777)),
        matrix{memory.data(), rows, columns, columns + gap} {}

  /// The values without gaps; requires that these were left alone.
  std::vector<float> values() const {
    const std::vector<float> all = memory.host();
    std::vector<float> values;
    for (int64_t at = 0; at < static_cast<int64_t>(all.size()); ++at)
      if (at % matrix.stride < matrix.columns)
        values.push_back(all[static_cast<size_t>(at)]);
      else
        REQUIRE(all[static_cast<size_t>(at)] == -777);
    return values;
  }
};

}  // namespace wasserkern::testing
