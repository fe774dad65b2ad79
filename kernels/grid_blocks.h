#pragma once

#include <cstdint>

/// How grid_transport sums along a line of a grid, on both backends: the logarithm of sum_i 2^(v_i - s (i - j)^2) for
/// every place j, with s = log2(e) / epsilon. Places are taken in blocks of B. For i = I + a in one block and j = J + b
/// in another, and D = I - J,
///
///   v_i - s (i - j)^2 = (v_i - 2 s D a) - s (a - b)^2 + (2 s D b - s D^2),
///
/// so that B exponentials, of the first brackets against their maximum, do for the B^2 pairs of two blocks. What is
/// left are B^2 multiply-adds with a table of 2^(-s (a - b)^2), and a power of 2 for every j. No term that counts
/// underflows: at least 2^(-s (B - 1)^2) is left of the largest, which bounds B.
namespace wasserkern {

constexpr int64_t kMostGridSide = 256;
constexpr int kMostGridBlock = 8;

/// Stands for an infinite v: differences of it are finite, and the rest of a term does not change it.
constexpr float kGridFar = 1e30f;

/// As many terms as a line can have, each so many powers of 2 below another, add nothing to it.
constexpr float kGridNegligible = 34;

/// Calls f with the largest B for a scale s as a constant. Static: sources compiled per instruction set must not share
/// it.
template <class Function>
static inline void visit_grid_block(float scale, Function f) {
  constexpr float kMostBits = 96;  // below 1, of the 126 that a float has
  if (scale * 49 <= kMostBits) return f.template operator()<8>();
  if (scale * 9 <= kMostBits) return f.template operator()<4>();
  if (scale <= kMostBits) return f.template operator()<2>();
  f.template operator()<1>();
}

}  // namespace wasserkern
