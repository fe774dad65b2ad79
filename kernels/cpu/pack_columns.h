#pragma once

#include "kernels/cpu/pair_grid.h"
#include "kernels/cpu/simd.h"
#include "kernels/view.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// Four floats in any instruction set: a transposition gains nothing from more.
using Quad __attribute__((vector_size(16))) = float;

HWY_INLINE Quad load_quad(const float* from) {
  Quad quad;
  __builtin_memcpy(&quad, from, sizeof(Quad));
  return quad;
}

/// to[i][j] = from[j][i] for a square of four.
HWY_INLINE void transpose_4x4(const float* const (&from)[4], float* const (&to)[4]) {
  const Quad a = load_quad(from[0]), b = load_quad(from[1]), c = load_quad(from[2]), d = load_quad(from[3]);
  const Quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Quad columns[4] = {
      __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
      __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) __builtin_memcpy(to[i], &columns[i], sizeof(Quad));
}

/// Rows [first, first + kColumns) of y as the columns of a panel; past the end the last row stands in.
template <int kColumns>
HWY_INLINE void pack_columns(Matrix<const float> y, int64_t first, float* panel) {
  constexpr int64_t kPrefetched = 64;  // floats ahead of those that are packed
  const float* rows[kColumns];
  for (int column = 0; column < kColumns; ++column)
    rows[column] = y.data + smaller(first + column, y.rows - 1) * y.stride;
  int64_t k = 0;
  for (; k + 4 <= y.columns; k += 4) {
    // More rows at once than the hardware follows.
    if (k % 16 == 0)
      for (int column = 0; column < kColumns; ++column) __builtin_prefetch(rows[column] + k + kPrefetched);
    for (int column = 0; column < kColumns; column += 4) {
      float* to = panel + k * kColumns + column;
      transpose_4x4({rows[column] + k, rows[column + 1] + k, rows[column + 2] + k, rows[column + 3] + k},
                    {to, to + kColumns, to + 2 * kColumns, to + 3 * kColumns});
    }
  }
  for (; k < y.columns; ++k)
    for (int column = 0; column < kColumns; ++column) panel[k * kColumns + column] = rows[column][k];
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
