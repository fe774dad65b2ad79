#pragma once

#include <cstdio>
#include <string>

namespace wasserkern::bench {

/// A number by printf's `format`, which takes one double.
inline std::string printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace wasserkern::bench
