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

/// Of so many equal parts, one after another, that at place `index`.
template <class T>
Vector<T> part_of(Vector<T> all, int64_t index, int64_t parts) {
  const int64_t size = all.size / parts;
  return {all.data + index * size, size};
}

template <class T>
Matrix<T> part_of(Matrix<T> all, int64_t index, int64_t parts) {
  const int64_t rows = all.rows / parts;
  return {all.data + index * rows * all.stride, rows, all.columns, all.stride};
}

}  // namespace wasserkern
