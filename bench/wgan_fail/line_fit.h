#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include "kernels/error.h"

namespace wasserkern::bench {

/// The line of least squares through points (x, y), and where it lies with a confidence of 95 %: errors of y are taken
/// as independent, normal, and of the size that the residuals have. Throws UsageError unless there are from 3 to 12
/// points.
class LineFit {
 public:
  static constexpr size_t kLeast = 3, kMost = 12;

  LineFit(std::span<const double> x, std::span<const double> y) {
    const size_t points = x.size();
    if (points != y.size() || points < kLeast || points > kMost)
      throw UsageError("a line is fitted to from 3 to 12 points, not to " + std::to_string(points));
    count_ = static_cast<double>(points);
    for (size_t i = 0; i < points; ++i) {
      centre_ += x[i] / count_;
      height_ += y[i] / count_;
    }
    double together = 0, residuals = 0;
    for (size_t i = 0; i < points; ++i) {
      spread_ += (x[i] - centre_) * (x[i] - centre_);
      together += (x[i] - centre_) * (y[i] - height_);
    }
    slope_ = together / spread_;
    for (size_t i = 0; i < points; ++i) residuals += std::pow(y[i] - at(x[i]), 2);
    reach_ = kStudent[points - kLeast] * std::sqrt(residuals / (count_ - 2));
  }

  double slope() const { return slope_; }
  double at(double x) const { return height_ + slope_ * (x - centre_); }
  /// The slope lies within so much of slope(), and the line at x within so much of at(x).
  double slope_margin() const { return reach_ / std::sqrt(spread_); }
  double margin(double x) const { return reach_ * std::sqrt(1 / count_ + std::pow(x - centre_, 2) / spread_); }

  struct Place {
    double x, low, high;
  };
  /// The x where the line has height y, and the interval of those where its band has. Fieller 1954.
  Place where(double y) const {
    constexpr double kFar = std::numeric_limits<double>::infinity();
    const double rise = y - height_, x = centre_ + rise / slope_;
    const double a = slope_ * slope_ - reach_ * reach_ / spread_;
    if (!(a > 0)) return {x, -kFar, kFar};  // the slope may be 0
    const double b = slope_ * rise, c = rise * rise - reach_ * reach_ / count_;
    const double root = std::sqrt(std::max(b * b - a * c, 0.0));
    return {x, centre_ + (b - root) / a, centre_ + (b + root) / a};
  }

 private:
  /// Student's t: 97.5 % of it, for 1, 2, ... degrees of freedom.
  static constexpr std::array<double, kMost - kLeast + 1> kStudent = {12.7062,  4.302653, 3.182446, 2.776445, 2.570582,
                                                                      2.446912, 2.364624, 2.306004, 2.262157, 2.228139};
  double count_ = 0, centre_ = 0, height_ = 0, spread_ = 0, slope_ = 0, reach_ = 0;
};

}  // namespace wasserkern::bench
