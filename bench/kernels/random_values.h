#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace wasserkern::bench {

/// Uniform in [-1, 1).
inline std::vector<float> random_values(int64_t size) {
  std::mt19937 source(1);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& element : values) element = value(source);
  return values;
}

}  // namespace wasserkern::bench
