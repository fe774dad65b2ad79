#include "bench/wgan_fail/line_fit.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace wasserkern;
using bench::LineFit;

TEST_CASE("a line through points on one is that line, and certain", "[line_fit]") {
  const std::vector<double> x{1, 2, 4}, y{5, 3, -1};
  const LineFit line(x, y);
  CHECK(line.slope() == Approx(-2));
  CHECK(line.at(10) == Approx(-13));
  CHECK(line.slope_margin() == Approx(0).margin(1e-12));
  CHECK(line.where(-13).x == Approx(10));
  CHECK(line.where(-13).low == Approx(10));
}

TEST_CASE("a line's confidence is that of the textbook", "[line_fit]") {
  // Expected values: scipy.stats.linregress and t.ppf(0.975, 3).
  const std::vector<double> x{1, 2, 3, 4, 5}, y{2.1, 2.9, 4.2, 4.8, 6.1};
  const LineFit line(x, y);
  CHECK(line.slope() == Approx(0.99));
  CHECK(line.at(0) == Approx(1.05));
  CHECK(line.slope_margin() == Approx(0.190061).epsilon(1e-5));
  CHECK(line.margin(0) == Approx(0.630360).epsilon(1e-5));
  const auto [at, low, high] = line.where(8);
  CHECK(at == Approx((8 - 1.05) / 0.99));
  // The band has that height at both ends.
  CHECK(line.at(low) + line.margin(low) == Approx(8));
  CHECK(line.at(high) - line.margin(high) == Approx(8));
}

TEST_CASE("a slope that may be 0 reaches a height anywhere; two points have no confidence", "[line_fit]") {
  const std::vector<double> x{1, 2, 3}, y{0, 1, 0};
  const auto [at, low, high] = LineFit(x, y).where(5);
  CHECK((std::isinf(low) && low < 0 && std::isinf(high) && high > 0));
  CHECK_THROWS_AS(LineFit(std::span(x).first(2), std::span(y).first(2)), UsageError);
  CHECK_THROWS_AS(LineFit(x, std::span(y).first(2)), UsageError);
}
