#pragma once

#include <cstdint>

namespace wasserkern {

/// The minimum so far and its place, for every column.
struct Minima {
  float* best;
  int32_t* place;
};

/// Whether a candidate that comes later takes the place of the best: less, or the first NaN. Static: sources compiled
/// per instruction set must not share it.
static inline bool replaces(float value, float best) { return !(value >= best) && best == best; }

/// out and argmin from the minima over consecutive parts of the candidates; those of a part start `apart` elements
/// after those of the part before.
static inline void merge_minima(int parts, int64_t apart, Minima minima, int64_t columns, float* out, int32_t* argmin) {
  for (int64_t column = 0; column < columns; ++column) {
    int64_t winner = column;
    for (int64_t other = column + apart; other < parts * apart; other += apart)
      if (replaces(minima.best[other], minima.best[winner])) winner = other;
    out[column] = minima.best[winner];
    argmin[column] = minima.place[winner];
  }
}

}  // namespace wasserkern
