#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace wasserkern::bench {

inline double mean(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// Of the values of what was measured, (iteration, value), over the last tenth of the rows, or at least one.
inline double mean_of_last_tenth(const std::vector<std::pair<uint64_t, double>>& rows) {
  const size_t tenth = std::max<size_t>(rows.size() / 10, 1);
  double sum = 0;
  for (size_t row = rows.size() - tenth; row < rows.size(); ++row) sum += rows[row].second;
  return sum / static_cast<double>(tenth);
}

inline double standard_deviation(const std::vector<float>& values) {
  const double centre = mean(values);
  double squares = 0;
  for (const float value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

/// Pearson's, of as many values each; NaN for fewer than two.
template <class Value>
double correlation(const std::vector<Value>& a, const std::vector<Value>& b) {
  const auto count = static_cast<double>(a.size());
  double mean_a = 0, mean_b = 0, together = 0, of_a = 0, of_b = 0;
  for (size_t i = 0; i < a.size(); ++i) mean_a += a[i] / count, mean_b += b[i] / count;
  for (size_t i = 0; i < a.size(); ++i) {
    together += (a[i] - mean_a) * (b[i] - mean_b);
    of_a += (a[i] - mean_a) * (a[i] - mean_a);
    of_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return together / std::sqrt(of_a * of_b);
}

}  // namespace wasserkern::bench
