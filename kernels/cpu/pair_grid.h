#pragma once

#include <cstdint>

// How threads divide all pairs of rows of x and y. Static: sources compiled per instruction set must not share it.

namespace wasserkern {

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The threads' shares: the grid's columns divide the panels of y, its rows divide the tiles of x.
struct PairGrid {
  int row_parts;
  int panel_parts;

  int shares() const { return row_parts * panel_parts; }
};

/// Rows of x against panels of y.
struct PairShare {
  int64_t first_row;
  int64_t last_row;
  int64_t first_panel;
  int64_t last_panel;
};

/// Rows of x in tiles of equal size, rows of y in panels of equal size; the last ones may have fewer.
struct PairTiling {
  int64_t x_rows;
  int64_t y_rows;
  int64_t tile_rows;
  int64_t panel_columns;

  int64_t tiles() const { return divided_up(x_rows, tile_rows); }
  int64_t panels() const { return divided_up(y_rows, panel_columns); }
};

/// The split into `parts` with the least work for the busiest, then the one that reads the fewest rows.
static inline PairGrid divide_pairs(const PairTiling& tiling, int parts) {
  PairGrid best{1, 1};
  int64_t least_work = tiling.tiles() * tiling.panels();
  int64_t least_traffic = INT64_MAX;
  for (int panel_parts = parts; panel_parts >= 1; --panel_parts) {
    const PairGrid grid{parts / panel_parts, panel_parts};
    const int64_t work = divided_up(tiling.tiles(), grid.row_parts) * divided_up(tiling.panels(), panel_parts);
    const int64_t traffic = panel_parts * tiling.x_rows + grid.row_parts * tiling.y_rows;
    if (work < least_work || (work == least_work && traffic < least_traffic)) {
      best = grid;
      least_work = work;
      least_traffic = traffic;
    }
  }
  return best;
}

static inline PairShare share_of(const PairTiling& tiling, PairGrid grid, int index) {
  const int64_t tiles = tiling.tiles(), panels = tiling.panels();
  const int row_part = index / grid.panel_parts, panel_part = index % grid.panel_parts;
  return {tiles * row_part / grid.row_parts * tiling.tile_rows,
          smaller(tiles * (row_part + 1) / grid.row_parts * tiling.tile_rows, tiling.x_rows),
          panels * panel_part / grid.panel_parts, panels * (panel_part + 1) / grid.panel_parts};
}

}  // namespace wasserkern
