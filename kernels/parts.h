#pragma once

#include "kernels/view.h"

namespace wasserkern {

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
