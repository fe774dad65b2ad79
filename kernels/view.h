#pragma once

#include <cstdint>
#include <type_traits>

namespace wasserkern {

/// `size` contiguous elements somewhere in the memory of a stream's device; owns nothing.
template <class T>
struct Vector {
  T* data = nullptr;
  int64_t size = 0;

  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_same_v<U, T>) operator Vector<U>() const { return {data, size}; }
};

/// Row-major `[rows, columns]`; row i starts `i * stride` elements after `data`; owns nothing.
template <class T>
struct Matrix {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t stride = columns;

  template <class U>
  requires(std::is_same_v<U, const T> && !std::is_same_v<U, T>) operator Matrix<U>() const {
    return {data, rows, columns, stride};
  }
};

}  // namespace wasserkern
