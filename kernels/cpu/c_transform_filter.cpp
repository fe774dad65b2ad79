#include "kernels/cpu/c_transform_filter.h"

#include <omp.h>

#include "kernels/cpu/minima.h"
#include "kernels/cpu/pair_sum.h"

namespace wasserkern {

/// A block of candidates against all points, with their minima so far. What is indexed by points is as long as a whole
/// number of kFilterLanes.
struct FilterBlock {
  Matrix<const float> x;
  const float* phi;
  Matrix<const float> y;
  int64_t first_row;
  int64_t last_row;
  const float* products;  // [last_row - first_row, y.rows]
  const float* x_norms;   // of the block, from bounding_norms
  const float* y_norms;
  Minima minima;
};

constexpr int64_t kFilterLanes = 16;

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                                            //
    void bounding_norms(Matrix<const float> rows, int64_t first, int64_t last, float* norms);  //
    int64_t filter_block(CostForm cost, const FilterBlock& block, bool look_ahead);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

// With u = 2^-24 and any order of summation, a computed |x|^2 or |y|^2 is off by a share of at most d u, and a computed
// x y by d u |x| |y| <= d u (|x|^2 + |y|^2) / 2 (Higham 2002, chapter 3). So |x|^2 + |y|^2 - 2 x y is computed to
// (2 d + 8) u (|x|^2 + |y|^2). A direct sum is off by a share of the distance itself, in chains of d / kChains terms.
constexpr float kRounding = 5.9604645e-8f;
constexpr int64_t kChains = 4 * Word::kLanes;  // of pair_sum
constexpr float kUnderflow = 1e-36f;           // more than products and squares lose below float's range
constexpr float kLargest = 1e37f;              // of a norm: above it sums may overflow

HWY_INLINE float expansion_error(int64_t d) { return (2 * static_cast<float>(d) + 16) * kRounding; }

/// Of a direct sum and of a cost's `finish`, as a share.
HWY_INLINE float direct_error(int64_t d) { return (static_cast<float>(d / kChains) + 64) * kRounding; }

/// Lower and upper bounds of the cost as direct differences give it.
template <class Form>
struct CostBounds {
  const Form& cost;
  Word least_share;
  Word largest_share;
  Word gap;  // between the bounds of a distance, as a share of the norms

  HWY_INLINE CostBounds(const Form& form, int64_t d)
      : cost(form), least_share(1 - direct_error(d)), largest_share(1 + direct_error(d)), gap(4 * expansion_error(d)) {}

  HWY_INLINE Word least(Word norms, Word product) const {
    const Word distance = multiply_add(Word(-2.0f), product, norms);
    return cost.finish(max(Word(0.0f), distance) * least_share, 1);
  }
  HWY_INLINE Word largest(Word norms, Word product) const {
    const Word most = multiply_add(gap, abs(norms), norms) + Word(4 * kUnderflow);
    const Word distance = multiply_add(Word(-2.0f), product, most);
    return cost.finish(max(Word(0.0f), distance) * largest_share, 1);
  }
};

/// Takes a candidate into the minimum of a point by its direct cost.
template <class Form>
HWY_NOINLINE void decide(const Form& cost, const FilterBlock& block, int64_t row, int64_t column) {
  float& best = block.minima.best[column];
  if (best != best) return;
  const float* x = block.x.data + row * block.x.stride;
  const float* y = block.y.data + column * block.y.stride;
  const PairSum pair = pair_sum(cost, x, y, block.x.columns);
  const float value = cost.finish(pair.sum, pair.unit) - block.phi[row];
  if (!replaces(value, best)) return;
  best = value;
  block.minima.place[column] = static_cast<int32_t>(row);
}

/// Decides the candidates of a word of points that are not ruled out; returns how many. With `look_ahead` the bound
/// that rules out is lowered to what the block as a whole promises: against candidates that come in descending order.
template <class Form>
HWY_INLINE int64_t filter_word(const CostBounds<Form>& bounds, const FilterBlock& block, int64_t column,
                               bool look_ahead) {
  constexpr Word::Tag tag;
  const int64_t columns = block.y.rows, left = columns - column;
  const Word y_norms = Word::load(block.y_norms + column);
  const auto product_of = [&](int64_t row) {
    return Word::load_up_to(block.products + (row - block.first_row) * columns + column, left);
  };
  const auto norms_of = [&](int64_t row) { return Word(block.x_norms[row - block.first_row]) + y_norms; };

  Word bound = Word::load(block.minima.best + column);
  if (look_ahead)
    for (int64_t row = block.first_row; row < block.last_row; ++row) {
      const Word promised = bounds.largest(norms_of(row), product_of(row)) - Word(block.phi[row]);
      bound = select_greater(bound, promised, promised, bound);
    }
  int64_t decided = 0;
  for (int64_t row = block.first_row; row < block.last_row; ++row) {
    const Word least = bounds.least(norms_of(row), product_of(row)) - Word(block.phi[row]);
    const auto open = hn::Not(hn::Gt(least.v, bound.v));  // also where something is NaN
    if (hn::AllFalse(tag, open)) continue;
    alignas(64) uint8_t bits[8] = {};
    hn::StoreMaskBits(tag, open, bits);
    for (int lane = 0; lane < Word::kLanes && lane < left; ++lane) {
      if (!(bits[lane / 8] >> lane % 8 & 1)) continue;
      decide(bounds.cost, block, row, column + lane);
      ++decided;
    }
    const Word best = Word::load(block.minima.best + column);
    bound = select_greater(bound, best, best, bound);
  }
  return decided;
}

}  // namespace

/// norms[i - first] = |row_i|^2 less the error that a distance made from it may have; NaN where it might overflow.
void bounding_norms(Matrix<const float> rows, int64_t first, int64_t last, float* norms) {
  for (int64_t row = first; row < last; ++row) {
    const float* values = rows.data + row * rows.stride;
    Word sums[4] = {Word(0.0f), Word(0.0f), Word(0.0f), Word(0.0f)};
    for (int64_t k = 0, chain = 0; k < rows.columns; k += Word::kLanes, chain = (chain + 1) % 4) {
      const Word x = Word::load_up_to(values + k, rows.columns - k);
      sums[chain] = multiply_add(x, x, sums[chain]);
    }
    const float norm = ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum();
    norms[row - first] = norm < kLargest ? norm * (1 - expansion_error(rows.columns)) - kUnderflow : __builtin_nanf("");
  }
}

int64_t filter_block(CostForm form, const FilterBlock& block, bool look_ahead) {
  int64_t decided = 0;
  visit_form(form, [&](const auto& cost) {
    const CostBounds bounds(cost, block.x.columns);
    for (int64_t column = 0; column < block.y.rows; column += Word::kLanes)
      decided += filter_word(bounds, block, column, look_ahead);
  });
  return decided;
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include <algorithm>
#include <limits>

#include "kernels/cpu/onednn/packed_product.h"

namespace wasserkern {
namespace {

// Products of a block with a panel stay in a thread's second-level cache.
constexpr int64_t kBlockRows = 128;
constexpr int64_t kPanelColumns = 1024;

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }
int64_t padded(int64_t columns) { return (columns + kFilterLanes - 1) / kFilterLanes * kFilterLanes; }

/// Where the parts of the workspace begin, in bytes.
struct Layout {
  int64_t y_norms, thread, thread_bytes, products, x_norms, best, place;

  Layout(const onednn::PackedProduct& product, int64_t block_rows, int64_t columns)
      : y_norms(aligned(product.packed_bytes())),
        thread(y_norms + kFloat * padded(columns)),
        products(aligned(product.scratch_bytes())),
        x_norms(products + aligned(kFloat * block_rows * columns)),
        best(x_norms + aligned(kFloat * block_rows)),
        place(best + kFloat * padded(columns)) {
    thread_bytes = place + kFloat * padded(columns);
  }

 private:
  static constexpr int64_t kFloat = sizeof(float);
};

/// c_transform of one panel of points.
void filter_panel(CpuStream& stream, CostForm form, Matrix<const float> x, const float* phi, Matrix<const float> y,
                  float* out, int32_t* argmin) {
  const int threads = static_cast<int>(std::min<int64_t>(stream.threads(), std::max<int64_t>(1, x.rows / kBlockRows)));
  const int64_t block_rows = std::min(kBlockRows, x.rows);
  const onednn::PackedProduct product(block_rows, x.stride, y);
  const Layout layout(product, block_rows, y.rows);
  auto* memory =
      static_cast<std::byte*>(stream.workspace(static_cast<size_t>(layout.thread + threads * layout.thread_bytes)));
  const auto floats = [](std::byte* at) { return reinterpret_cast<float*>(at); };
  product.pack(memory);
  float* y_norms = floats(memory + layout.y_norms);
  std::fill(y_norms + y.rows, y_norms + padded(y.rows), 0.0f);
  WASSERKERN_SIMD(bounding_norms)(y, 0, y.rows, y_norms);

#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int thread = 0; thread < threads; ++thread) {
    std::byte* own = memory + layout.thread + thread * layout.thread_bytes;
    const Minima minima{floats(own + layout.best), reinterpret_cast<int32_t*>(own + layout.place)};
    std::fill(minima.best, minima.best + y.rows, std::numeric_limits<float>::infinity());
    std::fill(minima.best + y.rows, minima.best + padded(y.rows), -std::numeric_limits<float>::infinity());
    std::fill(minima.place, minima.place + padded(y.rows), 0);
    const int64_t end = x.rows * (thread + 1) / threads;
    bool look_ahead = true;
    for (int64_t row = x.rows * thread / threads; row < end;) {
      // All products are of one shape: the last block begins among the rows of the block before.
      const int64_t first = std::min(row, end - block_rows);
      product.run(x.data + first * x.stride, memory, floats(own + layout.products), own);
      WASSERKERN_SIMD(bounding_norms)(x, row, first + block_rows, floats(own + layout.x_norms));
      const FilterBlock block{x,
                              phi,
                              y,
                              row,
                              first + block_rows,
                              floats(own + layout.products) + (row - first) * y.rows,
                              floats(own + layout.x_norms),
                              y_norms,
                              minima};
      look_ahead = WASSERKERN_SIMD(filter_block)(form, block, look_ahead) > y.rows;
      row = first + block_rows;
    }
  }
  const int64_t apart = layout.thread_bytes / static_cast<int64_t>(sizeof(float));
  merge_minima(
      threads, apart,
      {floats(memory + layout.thread + layout.best), reinterpret_cast<int32_t*>(memory + layout.thread + layout.place)},
      y.rows, out, argmin);
}

template <class Form>
constexpr bool of_squared_distance() {
  if constexpr (requires { Form::kOfSquaredDistance; }) return Form::kOfSquaredDistance;
  return false;
}

}  // namespace

bool filter_pays(const Cost& cost, int64_t m, int64_t n, int64_t d) {
  const bool serves = visit_cost(cost, []<class Form>(const Form&) { return of_squared_distance<Form>(); });

  // Below these sizes direct differences are as fast: measured on a CPU with AVX-512.
  return serves && m >= 8192 && n >= 512 && d >= 128;
}

void filtered_c_transform(CpuStream& stream, const Cost& cost, Matrix<const float> x, Vector<const float> phi,
                          Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  const int64_t panels = (y.rows + kPanelColumns - 1) / kPanelColumns;
  with_cost_form(cost, [&](CostForm form) {
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t first = y.rows * panel / panels, last = y.rows * (panel + 1) / panels;
      filter_panel(stream, form, x, phi.data, {y.data + first * y.stride, last - first, y.columns, y.stride},
                   out.data + first, argmin.data + first);
    }
  });
}

}  // namespace wasserkern

#endif
