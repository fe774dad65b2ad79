#pragma once

#include <string>

#include "kernels/error.h"
#include "kernels/view.h"

namespace wasserkern {

/// Throws a ShapeError naming both values unless they are equal.
inline void check_equal(const char* what, int64_t value, int64_t expected) {
  if (value != expected)
    throw ShapeError(std::string(what) + " is " + std::to_string(value) + ", expected " + std::to_string(expected));
}

}  // namespace wasserkern
