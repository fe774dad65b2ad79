#pragma once

#include <cmath>
#include <vector>

namespace wasserkern::bench {

inline double mean(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

inline double standard_deviation(const std::vector<float>& values) {
  const double centre = mean(values);
  double squares = 0;
  for (const float value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

}  // namespace wasserkern::bench
