#include "kernels/elementwise.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

using Unary = UnaryFunction::Kind;
using Binary = BinaryFunction::Kind;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

double reference(UnaryFunction f, double x) {
  switch (f.kind) {
    case Unary::Affine: return f.a * x + f.b;
    case Unary::Absolute: return std::abs(x);
    case Unary::Sign: return std::isnan(x) ? x : (x > 0) - (x < 0);
    case Unary::Square: return x * x;
    case Unary::SquareRoot: return std::sqrt(x);
    case Unary::Reciprocal: return 1 / x;
    case Unary::Exponential: return std::exp(x);
    case Unary::Logarithm: return std::log(x);
    case Unary::Tanh: return std::tanh(x);
    case Unary::Softplus: return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    case Unary::Sigmoid: return 1 / (1 + std::exp(-x));
    case Unary::LeakyRelu: return x > 0 ? x : f.a * x;
    case Unary::Clamp: return std::isnan(x) ? x : std::min<double>(std::max<double>(x, f.a), f.b);
    case Unary::Inside: return f.a < x && x < f.b;
  }
  return x;
}

double reference(BinaryFunction f, double x, double y) {
  switch (f.kind) {
    case Binary::Add: return x + y;
    case Binary::Subtract: return x - y;
    case Binary::Multiply: return x * y;
    case Binary::Divide: return x / y;
    case Binary::LeakyReluGradient: return x * (y > 0 ? 1 : f.a);
    case Binary::TanhGradient: return x * (1 - y * y);
  }
  return x;
}

const std::vector<UnaryFunction> kUnary = {{Unary::Affine, 1.5f, -0.25f},
                                           {Unary::Absolute},
                                           {Unary::Sign},
                                           {Unary::Square},
                                           {Unary::SquareRoot},
                                           {Unary::Reciprocal},
                                           {Unary::Logarithm},
                                           {Unary::Exponential},
                                           {Unary::Tanh},
                                           {Unary::Softplus},
                                           {Unary::Sigmoid},
                                           {Unary::LeakyRelu, 0.2f},
                                           {Unary::LeakyRelu},
                                           {Unary::Clamp, -0.5f, 0.75f},
                                           {Unary::Inside, -0.5f, 0.75f}};

const std::vector<BinaryFunction> kBinary = {
    {Binary::Add},         {Binary::Subtract}, {Binary::Multiply}, {Binary::Divide}, {Binary::LeakyReluGradient, 0.2f},
    {Binary::TanhGradient}};

bool needs_positive(Unary kind) { return kind == Unary::SquareRoot || kind == Unary::Logarithm; }

/// 8 ulp of the result, twice what the loosest vector library promises, and of the terms where they may cancel.
void require_near(float value, double expected, double terms) {
  const double bound = 8 * 0x1p-24 * (std::abs(expected) + terms);
  INFO("value " << value << " expected " << expected);
  REQUIRE(std::abs(value - expected) <= bound);
}

/// How an operand of a binary function is spread over the matrix.
enum class Spread { Matrix, Row, Column, Scalar };

Broadcast spread_over(const float* data, Spread spread, int64_t columns) {
  switch (spread) {
    case Spread::Matrix: return {data, columns, 1};
    case Spread::Row: return {data, 0, 1};
    case Spread::Column: return {data, 1, 0};
    case Spread::Scalar: return {data, 0, 0};
  }
  return {};
}

float element(const std::vector<float>& data, Broadcast shape, int64_t i, int64_t j) {
  return data[static_cast<size_t>(i * shape.row_stride + j * shape.column_stride)];
}

}  // namespace

TEST_CASE("unary functions match their definition at every length and alignment", "[elementwise]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const UnaryFunction& f : kUnary)
      for (const int64_t size :
           {int64_t{0}, int64_t{1}, int64_t{3}, int64_t{4}, int64_t{5}, int64_t{31}, random_size(source, 5000)})
        for (const int64_t offset : {0, 1}) {
          std::vector<float> x = random_normals(source, size + offset);
          if (needs_positive(f.kind))
            for (float& value : x) value = std::abs(value) + 0.01f;
          OnStream input(stream, x);
          OnStream output(stream, std::vector<float>(x.size() + 1, 7.0f));
          unary(stream, f, {input.data() + offset, size}, {output.data() + offset, size});
          const std::vector<float> y = output.host();
          INFO("kind " << static_cast<int>(f.kind) << " size " << size << " offset " << offset);
          for (int64_t i = offset; i < offset + size; ++i)
            require_near(y[i], reference(f, x[i]), f.kind == Unary::Affine ? std::abs(f.a * x[i]) + std::abs(f.b) : 0);
          REQUIRE(y.back() == 7.0f);
          if (offset) REQUIRE(y.front() == 7.0f);
        }
  });
}

TEST_CASE("unary functions propagate what is not finite", "[elementwise]") {
  const std::vector<float> x = {0, -0.0f, 1, -1, kInfinity, -kInfinity, kNaN, 100, -200, 1e-30f, 3e38f};
  with_stream([&](auto& stream) {
    for (const UnaryFunction& f : kUnary) {
      OnStream input(stream, x);
      OnStream output(stream, std::vector<float>(x.size()));
      unary(stream, f, input.vector(), output.vector());
      const std::vector<float> y = output.host();
      for (size_t i = 0; i < x.size(); ++i) {
        const float expected = static_cast<float>(reference(f, x[i]));
        INFO("kind " << static_cast<int>(f.kind) << " x " << x[i] << " y " << y[i] << " expected " << expected);
        REQUIRE(std::isnan(y[i]) == std::isnan(expected));
        if (std::isinf(expected) || expected == 0) REQUIRE(y[i] == expected);
      }
    }
  });
}

// Where e^x has left the range of floats, or 1 + e^x that of their precision, the answers are exact limits.
TEST_CASE("softplus and sigmoid keep their precision far from 0", "[elementwise]") {
  const std::vector<float> x = {-1e30f, -104, -80, -40, -17, -1e-30f, 0, 17, 40, 88.8f, 1e30f, 3e38f};
  with_stream([&](auto& stream) {
    OnStream input(stream, x), plus(stream, x), step(stream, x);
    unary(stream, {Unary::Softplus}, input.vector(), plus.vector());
    unary(stream, {Unary::Sigmoid}, input.vector(), step.vector());
    const std::vector<float> softplus = plus.host(), sigmoid = step.host();
    for (size_t i = 0; i < x.size(); ++i) {
      INFO("x " << x[i]);
      require_near(softplus[i], reference({Unary::Softplus}, x[i]), 0x1p-125);
      require_near(sigmoid[i], reference({Unary::Sigmoid}, x[i]), 0x1p-125);
      if (x[i] >= 40) {
        CHECK(softplus[i] == x[i]);
        CHECK(sigmoid[i] == 1);
      }
    }
    CHECK(softplus[0] == 0);
    CHECK(sigmoid[0] == 0);
    CHECK(sigmoid[6] == 0.5f);
  });
}

TEST_CASE("a unary function may overwrite its input", "[elementwise]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>{-1, 2, -3, 4, -5});
    unary(stream, {Unary::Square}, x.vector(), x.vector());
    REQUIRE(x.host() == std::vector<float>{1, 4, 9, 16, 25});
  });
}

TEST_CASE("binary functions match their definition for every broadcast", "[elementwise]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const std::vector<std::pair<int64_t, int64_t>> shapes = {
      {0, 3},   {3, 0}, {1, 1},  {1, 130},
      {130, 1}, {7, 5}, {8, 64}, {random_size(source, 40), random_size(source, 1500)}};
  const std::vector<Spread> spreads = {Spread::Matrix, Spread::Row, Spread::Column, Spread::Scalar};
  with_stream([&](auto& stream) {
    for (const auto& [rows, columns] : shapes)
      for (const Spread x_spread : spreads)
        for (const Spread y_spread : spreads) {
          const std::vector<float> x = random_normals(source, rows * columns + rows + columns + 1);
          const std::vector<float> y = random_normals(source, rows * columns + rows + columns + 1);
          OnStream x_device(stream, x), y_device(stream, y);
          for (const BinaryFunction& f : kBinary) {
            OnStream out(stream, std::vector<float>(static_cast<size_t>(rows * columns) + 1, 7.0f));
            const Broadcast left = spread_over(x_device.data(), x_spread, columns);
            const Broadcast right = spread_over(y_device.data(), y_spread, columns);
            binary(stream, f, left, right, out.matrix(rows, columns));
            const std::vector<float> result = out.host();
            INFO("kind " << static_cast<int>(f.kind) << " " << rows << "x" << columns << " spreads "
                         << static_cast<int>(x_spread) << " " << static_cast<int>(y_spread));
            for (int64_t i = 0; i < rows; ++i)
              for (int64_t j = 0; j < columns; ++j) {
                const double a = element(x, left, i, j), b = element(y, right, i, j);
                const double terms = f.kind == Binary::TanhGradient ? std::abs(a) * (1 + b * b) : 0;
                require_near(result[i * columns + j], reference(f, a, b), terms);
              }
            REQUIRE(result.back() == 7.0f);
          }
        }
  });
}

TEST_CASE("a binary function may overwrite an operand that is not broadcast", "[elementwise]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>{1, 2, 3, 4, 5, 6});
    OnStream row(stream, std::vector<float>{10, 20, 30});
    binary(stream, {Binary::Subtract}, {row.data(), 0, 1}, {x.data(), 3, 1}, x.matrix(2, 3));
    REQUIRE(x.host() == std::vector<float>{9, 18, 27, 6, 15, 24});
  });
}

TEST_CASE("accumulate, fill, copy and broadcast", "[elementwise]") {
  with_stream([&](auto& stream) {
    for (const int64_t size : {0, 1, 6, 1027}) {
      OnStream x(stream, std::vector<float>(size, 2.0f)), y(stream, std::vector<float>(size, 0.5f));
      accumulate(stream, x.vector(), y.vector());
      REQUIRE(y.host() == std::vector<float>(size, 2.5f));
      copy(stream, y.vector(), x.vector());
      REQUIRE(x.host() == std::vector<float>(size, 2.5f));
      fill(stream, -3.0f, y.vector());
      REQUIRE(y.host() == std::vector<float>(size, -3.0f));
    }
    OnStream column(stream, std::vector<float>{1, 2, 3});
    OnStream out(stream, std::vector<float>(6));
    broadcast(stream, {column.data(), 1, 0}, out.matrix(3, 2));
    REQUIRE(out.host() == std::vector<float>{1, 1, 2, 2, 3, 3});
    broadcast(stream, {column.data(), 0, 1}, out.matrix(2, 3));
    REQUIRE(out.host() == std::vector<float>{1, 2, 3, 1, 2, 3});
  });
}

TEST_CASE("element-wise functions refuse sizes that differ", "[elementwise]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>(4)), y(stream, std::vector<float>(5));
    REQUIRE_THROWS_AS(unary(stream, {Unary::Square}, x.vector(), y.vector()), ShapeError);
    REQUIRE_THROWS_AS(accumulate(stream, x.vector(), y.vector()), ShapeError);
    REQUIRE_THROWS_WITH(copy(stream, x.vector(), y.vector()), Catch::Contains("5") && Catch::Contains("4"));
    const Matrix<float> strided{y.data(), 2, 2, 3};
    REQUIRE_THROWS_AS(binary(stream, {Binary::Add}, {x.data(), 2, 1}, {x.data(), 2, 1}, strided), ShapeError);
    REQUIRE_THROWS_AS(broadcast(stream, {x.data(), 2, 1}, strided), ShapeError);
  });
}
