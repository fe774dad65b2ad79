#include "kernels/interpolate.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr uint64_t kStep = (uint64_t{3} << 32) + 5;

/// y + a (x - y), each operation rounded to a float: a double holds what one operation on floats gives, to their
/// precision twice over.
float between(float a, float x, float y) {
  const float difference = static_cast<float>(double{x} - double{y});
  const float step = static_cast<float>(double{a} * double{difference});
  return static_cast<float>(double{y} + double{step});
}

}  // namespace

TEST_CASE("interpolate goes from y to x by the draw's uniforms, to the bit", "[interpolate]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Shape {
    int64_t n, d, gap;
  };
  with_stream([&](auto& stream) {
    const OnStream step(stream, std::vector<uint64_t>{kStep});
    const Draw draw{0x0123456789ABCDEF, step.data(), 11};
    for (const Shape shape : {Shape{0, 3, 0},
                              {3, 0, 1},
                              {1, 1, 0},
                              {5, 2, 0},
                              {6, 12, 4},
                              {67, 31, 2},
                              {1031, 1, 0},
                              {9, 1500, 0},
                              {random_size(source, 100), random_size(source, 300), random_size(source, 5)}}) {
      INFO("n=" << shape.n << " d=" << shape.d << " gap=" << shape.gap);
      const int64_t stride = shape.d + shape.gap;
      const std::vector<float> x = random_normals(source, shape.n * stride),
                               y = random_normals(source, shape.n * stride);
      const OnStream x_device(stream, x), y_device(stream, y);
      const OnStream out_device(stream, std::vector<float>(x.size(), 7.0f)),
          a_device(stream, std::vector<float>(shape.n));
      const auto rows = [&](const auto& memory) { return Matrix<float>{memory.data(), shape.n, shape.d, stride}; };
      uniform(stream, draw, a_device.vector());
      interpolate(stream, draw, rows(x_device), rows(y_device), rows(out_device));
      const std::vector<float> a = a_device.host(), out = out_device.host();
      for (int64_t i = 0; i < shape.n; ++i)
        for (int64_t k = 0; k < stride; ++k) {
          const auto at = static_cast<size_t>(i * stride + k);
          if (k >= shape.d) {
            REQUIRE(out[at] == 7.0f);  // a gap is not written
            continue;
          }
          REQUIRE(out[at] == between(a[i], x[at], y[at]));
          const double exact = double{a[i]} * x[at] + (1 - double{a[i]}) * y[at];
          // Three roundings of numbers of at most this size.
          REQUIRE(std::abs(out[at] - exact) <= 3 * 0x1p-24 * (std::abs(x[at]) + std::abs(y[at])));
        }
    }
  });
}

TEST_CASE("interpolate keeps what x and y share", "[interpolate]") {
  with_stream([](auto& stream) {
    const OnStream step(stream, std::vector<uint64_t>{kStep});
    const std::vector<float> values = {-1, 0.1f, 1e-40f, 3e38f, 0.7f, -0.3f};
    const OnStream x(stream, values), out(stream, std::vector<float>(6));
    interpolate(stream, Draw{1, step.data(), 2}, x.matrix(6, 1), x.matrix(6, 1), out.matrix(6, 1));
    CHECK(out.host() == values);
  });
}

TEST_CASE("interpolate refuses shapes that differ", "[interpolate]") {
  with_stream([](auto& stream) {
    const OnStream step(stream, std::vector<uint64_t>{kStep});
    const OnStream memory(stream, std::vector<float>(16));
    float* const p = memory.data();
    const auto call = [&](Matrix<const float> y, Matrix<float> out) {
      interpolate(stream, Draw{1, step.data(), 2}, {p, 2, 3}, y, out);
    };
    CHECK_THROWS_AS(call({p, 2, 4}, {p, 2, 3}), ShapeError);
    CHECK_THROWS_AS(call({p, 2, 3}, {p, 3, 3}), ShapeError);
    CHECK_THROWS_WITH(call({p, 2, 4}, {p, 2, 3}), Catch::Contains("[2, 4]") && Catch::Contains("[2, 3]"));
  });
}
