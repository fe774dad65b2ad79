#include "kernels/l1_bytes.h"

#include <omp.h>

#include "kernels/cpu/byte_word.h"
#include "kernels/cpu/minima.h"
#include "kernels/cpu/pair_grid.h"

namespace wasserkern {

/// The arguments of c_transform_bytes, on their way into code that is compiled per instruction set.
struct BytesCTransform {
  float scale;
  Matrix<const uint8_t> x;
  const float* phi;
  Matrix<const uint8_t> y;
  float* out;
  int32_t* argmin;
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                                                             //
    PairGrid bytes_grid(Matrix<const uint8_t> x, Matrix<const uint8_t> y, int threads);                         //
    int64_t packed_bytes(Matrix<const uint8_t> y, PairGrid grid);                                               //
    int64_t padded_columns(Matrix<const uint8_t> y);                                                            //
    void l1_bytes_kernel(Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out, PairGrid grid,  //
                         uint8_t* packed);                                                                      //
    void c_transform_bytes_kernel(const BytesCTransform& task, PairGrid grid, uint8_t* packed, Minima minima);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

// As in kernels/c_transform.cpp, but eight coordinates at a time: y is packed in panels, so that an octet of a word
// holds eight coordinates of one row of y; a register tile of kRows rows of x, each octet of it repeated, against one
// panel accumulates sums; a panel's slice and a tile of x stay in the first-level cache. Sums are exact, so that no
// order of them matters.

constexpr int kRows = kOctets == 8 ? 8 : 4;  // of a register tile: as many sums as registers hold
constexpr int kColumns = 2 * kOctets;        // of a panel: two words, even and odd columns
constexpr int kPanelBytes = 2 * kBytes;      // of an octet of all columns
constexpr int64_t kSlice = 128;              // octets summed before they join the total
constexpr int64_t kBlockRows = 64;
constexpr int64_t kChunkBytes = 1 << 22;  // of packed panels that a thread keeps
constexpr int64_t kTermsPerThread = 1 << 18;

HWY_INLINE PairTiling tiling_of(Matrix<const uint8_t> x, Matrix<const uint8_t> y) {
  return {x.rows, y.rows, kRows, kColumns};
}

HWY_INLINE int64_t panels_of(Matrix<const uint8_t> y) { return divided_up(y.rows, kColumns); }
HWY_INLINE int64_t octets_of(Matrix<const uint8_t> y) { return divided_up(y.columns, 8); }

HWY_INLINE int64_t chunk_panels(Matrix<const uint8_t> y, PairGrid grid) {
  const int64_t panel_bytes = kPanelBytes * (octets_of(y) + 1);
  return smaller(1 + kChunkBytes / panel_bytes, divided_up(panels_of(y), grid.panel_parts));
}

/// The last octet of a row, filled up with zeros.
HWY_INLINE uint64_t last_octet(const uint8_t* row, int64_t columns) {
  uint64_t octet = 0;
  for (int64_t k = columns / 8 * 8; k < columns; ++k) octet |= static_cast<uint64_t>(row[k]) << (8 * (k % 8));
  return octet;
}

/// Packs rows [first, first + kColumns) of y; past the end the last row stands in.
void pack_panel(Matrix<const uint8_t> y, int64_t first, uint8_t* panel) {
  const int64_t whole = y.columns / 8;
  for (int column = 0; column < kColumns; ++column) {
    const uint8_t* row = y.data + smaller(first + column, y.rows - 1) * y.stride;
    uint8_t* to = panel + column % 2 * kBytes + column / 2 * 8;
    for (int64_t octet = 0; octet < whole; ++octet) __builtin_memcpy(to + octet * kPanelBytes, row + 8 * octet, 8);
    if (y.columns % 8) {
      const uint64_t last = last_octet(row, y.columns);
      __builtin_memcpy(to + whole * kPanelBytes, &last, 8);
    }
  }
}

using ColumnWord __attribute__((vector_size(kBytes))) = int32_t;

HWY_INLINE void add_columns(ColumnWord columns, int32_t* sums) {
  ColumnWord before;
  __builtin_memcpy(&before, sums, sizeof before);
  columns += before;
  __builtin_memcpy(sums, &columns, sizeof columns);
}

/// sums[row, column] += the differences of `octets` octets of kRows rows of x, each against all columns of a panel.
HWY_INLINE void add_octets(const uint8_t* const (&x)[kRows], const uint8_t* panel, int64_t octets, int32_t* sums) {
  OctetWord even[kRows] = {}, odd[kRows] = {};
  for (int64_t octet = 0; octet < octets; ++octet) {
    const OctetWord y_even = load_octets(panel + octet * kPanelBytes);
    const OctetWord y_odd = load_octets(panel + octet * kPanelBytes + kBytes);
    for (int row = 0; row < kRows; ++row) {
      const OctetWord x_row = repeat_octet(x[row] + 8 * octet);
      even[row] += differences(x_row, y_even);
      odd[row] += differences(x_row, y_odd);
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < kRows; ++row) {
    const OctetWord both = even[row] | odd[row] << 32;  // as pairs of int32: columns in their order
    add_columns(reinterpret_cast<ColumnWord>(both), sums + row * kColumns);
  }
}

/// A block of rows of x; the octets that rows do not fill are set aside.
struct Block {
  int64_t first_row;
  int64_t rows;
  uint64_t last_octets[kBlockRows];
};

/// Fills sums [rows rounded up to kRows, kColumns] for a block of x against a packed panel; past the end of the block
/// its last row stands in.
HWY_INLINE void fill_tile(Matrix<const uint8_t> x, const Block& block, const uint8_t* panel, int32_t* sums) {
  const int64_t padded = divided_up(block.rows, kRows) * kRows;
  const int64_t whole = x.columns / 8;
  for (int64_t at = 0; at < padded * kColumns; ++at) sums[at] = 0;
  for (int64_t begin = 0; begin < whole; begin += kSlice)
    for (int64_t row = 0; row < padded; row += kRows) {
      const uint8_t* rows[kRows];
      for (int r = 0; r < kRows; ++r)
        rows[r] = x.data + (block.first_row + smaller(row + r, block.rows - 1)) * x.stride + 8 * begin;
      add_octets(rows, panel + begin * kPanelBytes, smaller(kSlice, whole - begin), sums + row * kColumns);
    }
  if (x.columns % 8 == 0) return;
  for (int64_t row = 0; row < padded; row += kRows) {
    const uint8_t* rows[kRows];
    for (int r = 0; r < kRows; ++r)
      rows[r] = reinterpret_cast<const uint8_t*>(block.last_octets + smaller(row + r, block.rows - 1));
    add_octets(rows, panel + whole * kPanelBytes, 1, sums + row * kColumns);
  }
}

/// Calls `use(first_row, rows, first_column, sums)` for every tile of a share, sums [rows, kColumns]; for every chunk
/// of panels blocks of rows ascend, so that a column meets its rows in order.
template <class Use>
HWY_INLINE void for_each_tile(Matrix<const uint8_t> x, Matrix<const uint8_t> y, const PairShare& share, int64_t chunk,
                              uint8_t* packed, Use use) {
  alignas(64) int32_t sums[kBlockRows * kColumns];
  const int64_t panel_size = octets_of(y) * kPanelBytes;
  for (int64_t begin = share.first_panel; begin < share.last_panel; begin += chunk) {
    const int64_t end = smaller(begin + chunk, share.last_panel);
    for (int64_t panel = begin; panel < end; ++panel)
      pack_panel(y, panel * kColumns, packed + (panel - begin) * panel_size);
    for (int64_t row = share.first_row; row < share.last_row; row += kBlockRows) {
      Block block{row, smaller(kBlockRows, share.last_row - row), {}};
      for (int64_t r = 0; r < block.rows; ++r)
        block.last_octets[r] = last_octet(x.data + (row + r) * x.stride, x.columns);
      for (int64_t panel = begin; panel < end; ++panel) {
        fill_tile(x, block, packed + (panel - begin) * panel_size, sums);
        use(row, block.rows, panel * kColumns, sums);
      }
    }
  }
}

/// Takes the values of a tile's rows into the minima of one word of its columns.
HWY_INLINE void fold_word(const BytesCTransform& task, int64_t first_row, int64_t rows, const int32_t* sums,
                          Minima minima) {
  WordMinima word(minima);
  for (int64_t row = first_row; row < first_row + rows; ++row, sums += kColumns) {
    const Word distance = hn::ConvertTo(Word::Tag(), hn::Load(Word::IntTag(), sums));
    word.take(Word(task.scale) * distance - Word(task.phi[row]), row);
  }
  word.store(minima);
}

}  // namespace

PairGrid bytes_grid(Matrix<const uint8_t> x, Matrix<const uint8_t> y, int threads) {
  const int64_t terms = x.rows * y.rows * (x.columns + 1);
  return divide_pairs(tiling_of(x, y), static_cast<int>(smaller(threads, 1 + terms / kTermsPerThread)));
}

int64_t packed_bytes(Matrix<const uint8_t> y, PairGrid grid) {
  return chunk_panels(y, grid) * octets_of(y) * kPanelBytes;
}

int64_t padded_columns(Matrix<const uint8_t> y) { return panels_of(y) * kColumns; }

void l1_bytes_kernel(Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out, PairGrid grid,
                     uint8_t* packed) {
  const int shares = grid.shares();
#pragma omp parallel for num_threads(shares) schedule(static, 1)
  for (int index = 0; index < shares; ++index)
    for_each_tile(x, y, share_of(tiling_of(x, y), grid, index), chunk_panels(y, grid),
                  packed + index * packed_bytes(y, grid),
                  [&](int64_t first_row, int64_t rows, int64_t column, const int32_t* sums) {
                    const int64_t columns = smaller(kColumns, out.columns - column);
                    for (int64_t row = 0; row < rows; ++row)
                      __builtin_memcpy(out.data + (first_row + row) * out.stride + column, sums + row * kColumns,
                                       static_cast<size_t>(columns) * sizeof(int32_t));
                  });
}

void c_transform_bytes_kernel(const BytesCTransform& task, PairGrid grid, uint8_t* packed, Minima minima) {
  const int shares = grid.shares();
  const int64_t padded = padded_columns(task.y);
#pragma omp parallel for num_threads(shares) schedule(static, 1)
  for (int index = 0; index < shares; ++index) {
    const PairShare share = share_of(tiling_of(task.x, task.y), grid, index);
    const int64_t part = index / grid.panel_parts * padded;
    const Minima own{minima.best + part, minima.place + part};
    for (int64_t column = share.first_panel * kColumns; column < share.last_panel * kColumns; ++column) {
      own.best[column] = HUGE_VALF;
      own.place[column] = 0;
    }
    for_each_tile(task.x, task.y, share, chunk_panels(task.y, grid), packed + index * packed_bytes(task.y, grid),
                  [&](int64_t first_row, int64_t rows, int64_t first_column, const int32_t* sums) {
                    for (int word = 0; word < kColumns; word += Word::kLanes) {
                      const int64_t column = first_column + word;
                      fold_word(task, first_row, rows, sums + word, {own.best + column, own.place + column});
                    }
                  });
  }
  merge_minima(grid.row_parts, padded, minima, task.y.rows, task.out, task.argmin);
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void l1_bytes(CpuStream& stream, Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<int32_t> out) {
  check_l1_bytes(x, y, out);
  if (x.rows == 0 || y.rows == 0) return;
  const PairGrid grid = WASSERKERN_SIMD(bytes_grid)(x, y, stream.threads());
  const int64_t packed = grid.shares() * WASSERKERN_SIMD(packed_bytes)(y, grid);
  auto* workspace = static_cast<uint8_t*>(stream.workspace(static_cast<size_t>(packed)));
  WASSERKERN_SIMD(l1_bytes_kernel)(x, y, out, grid, workspace);
}

void c_transform_bytes(CpuStream& stream, float scale, Matrix<const uint8_t> x, Vector<const float> phi,
                       Matrix<const uint8_t> y, Vector<float> out, Vector<int32_t> argmin) {
  check_c_transform_bytes(x, phi, y, out, argmin);
  const PairGrid grid = WASSERKERN_SIMD(bytes_grid)(x, y, stream.threads());
  const int64_t packed = grid.shares() * WASSERKERN_SIMD(packed_bytes)(y, grid);
  const int64_t minima = grid.row_parts * WASSERKERN_SIMD(padded_columns)(y);
  auto* workspace = static_cast<uint8_t*>(
      stream.workspace(static_cast<size_t>(packed + minima * static_cast<int64_t>(sizeof(float) + sizeof(int32_t)))));
  auto* best = reinterpret_cast<float*>(workspace + packed);
  WASSERKERN_SIMD(c_transform_bytes_kernel)
  ({scale, x, phi.data, y, out.data, argmin.data}, grid, workspace, {best, reinterpret_cast<int32_t*>(best + minima)});
}

}  // namespace wasserkern

#endif
