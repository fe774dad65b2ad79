#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_tile.cuh"

// How pairs are divided among blocks. All of it depends on shapes only, and so does every bit of a sum over pairs.

namespace wasserkern::cuda {

/// The side of a thread's large tile of registers: 8 where a term is few instructions, so that the code of 64 pairs by
/// four coordinates stays in the instruction cache.
template <class Form>
constexpr int large_micro() {
  if constexpr (requires { Form::kLightTerm; }) return Form::kLightTerm ? 8 : 4;
  return 4;
}

template <int kMicro>
int64_t tile_count(int64_t rows, int64_t columns) {
  return ceil_div(rows, MicroTile<kMicro>::kRows) * ceil_div(columns, MicroTile<kMicro>::kColumns);
}

/// Calls `start` with the side of the register tiles: large ones read less, small ones spread few pairs over the GPU.
template <class Form, class Start>
void with_micro(int64_t rows, int64_t columns, int64_t problems, Start start) {
  constexpr int kLarge = large_micro<Form>(), kSmall = 2;
  constexpr int64_t kEnoughTiles = 96;
  if (tile_count<kLarge>(rows, columns) * problems >= kEnoughTiles)
    start.template operator()<kLarge>();
  else
    start.template operator()<kSmall>();
}

/// How a sweep over the rows of x is divided where panels of y alone are too few blocks.
struct Sweep {
  int64_t panels;
  int64_t rows_per_part;
  int64_t parts;

  /// `rows` and `columns` are those of a tile.
  Sweep(int64_t m, int64_t n, int64_t problems, int rows, int columns) : panels(ceil_div(n, columns)) {
    const int64_t tiles = std::max<int64_t>(ceil_div(m, rows), 1);
    const int64_t wanted = std::clamp<int64_t>(kEnoughBlocks / (panels * problems), 1, tiles);
    rows_per_part = ceil_div(tiles, wanted) * rows;
    parts = std::max<int64_t>(ceil_div(m, rows_per_part), 1);
  }

  dim3 blocks(int64_t problems = 1) const {
    return dim3(static_cast<unsigned>(panels), static_cast<unsigned>(parts), static_cast<unsigned>(problems));
  }
};

}  // namespace wasserkern::cuda
