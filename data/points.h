#pragma once

#include <cstdint>
#include <vector>

namespace wasserkern::data {

/// `count` points of `features` coordinates each, `[count, features]`.
struct Points {
  int64_t count = 0;
  int64_t features = 0;
  std::vector<float> values;
};

}  // namespace wasserkern::data
