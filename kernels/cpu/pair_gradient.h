#pragma once

// out_j = sum_i w(i, j) (d/dy) c(x_i, y_j) over all pairs, tile by tile, for weights from wherever they come. A
// register tile holds the weights of kRows rows of x and one panel of y and runs along the coordinates.

#include "kernels/cpu/pair_tiles.h"
#include "kernels/cpu/parallel.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kPullSlice = 4096 / kColumns;  // coordinates at a time
constexpr int64_t kStretch = 512;                // rows of x at a time; a multiple of kRows
constexpr int64_t kMostPanels = 32;              // at a time

/// A cost that gives the chain rule's factors; see kernels/cost/lq.h.
template <class Form>
concept ChainRule = requires(const Form& cost, Word word) {
  cost.outer_derivative(word);
  cost.inner_derivative(word, word);
};

/// The gradients of a word of pairs times their weights, coordinate by coordinate.
template <class Form>
struct Pull {
  decltype(Form().slope(Word(), 1)) slope;
  Word weight;

  HWY_INLINE Pull() = default;
  HWY_INLINE Pull(const Form& cost, const float* weights, const float* sums)
      : slope(cost.slope(cost.slope_needs_sum() ? Word::load_aligned(sums) : Word(1.0f), 1)),
        weight(Word::load_aligned(weights) * slope.first) {}
  HWY_INLINE Word add(const Form& cost, Word sum, Word x, Word y) const {
    return multiply_add(weight, cost.normal(slope, x, y), sum);
  }
};

template <ChainRule Form>
struct Pull<Form> {
  Word weight;

  HWY_INLINE Pull() = default;
  HWY_INLINE Pull(const Form&, const float* weights, const float*) : weight(Word::load_aligned(weights)) {}
  HWY_INLINE Word add(const Form& cost, Word sum, Word x, Word y) const {
    return multiply_add(weight, cost.inner_derivative(x, y), sum);
  }
};

/// total[k, column] += weight (d/dy_k) c for one pair whose sum is not trusted.
template <class Form>
HWY_NOINLINE void add_carefully(const Form& cost, const float* x, const float* y, int64_t size, float weight,
                                float* total) {
  const auto slope = slope_of(cost, x, y, size);
  const Word factor(weight * slope.first);
  alignas(64) float gradient[Word::kLanes];
  for (int64_t k = 0; k < size; k += Word::kLanes) {
    (factor * cost.normal(slope, Word::load_up_to(x + k, size - k), Word::load_up_to(y + k, size - k))).store(gradient);
    for (int64_t lane = 0; lane < smaller(Word::kLanes, size - k); ++lane)
      total[(k + lane) * kColumns] += gradient[lane];
  }
}

/// Makes pulls of weights by means of the sums; pairs whose sum is not trusted go into `total` at once.
template <class Form>
HWY_INLINE void apply_sums(const Form& cost, Matrix<const float> x, Matrix<const float> y, const PairBlock& block,
                           float* sums, float* weights, float* total) {
  for (int64_t at = 0; at < block.rows * kColumns; at += Word::kLanes) {
    const int64_t row = block.first_row + at / kColumns, column = at % kColumns;
    if (!all(cost.trusted(Word::load_aligned(sums + at))))
      for (int lane = 0; lane < Word::kLanes; ++lane) {
        if (all(cost.trusted(sums[at + lane]))) continue;
        const int64_t point = block.first_column + column + lane;
        if (point < y.rows)
          add_carefully(cost, x.data + row * x.stride, y.data + point * y.stride, x.columns, weights[at + lane],
                        total + column + lane);
        sums[at + lane] = 1;
        weights[at + lane] = 0;
      }
    if constexpr (ChainRule<Form>)
      (Word::load_aligned(weights + at) * cost.outer_derivative(Word::load_aligned(sums + at))).store(weights + at);
  }
}

/// total[k, column] += the pulls of kRows rows of x in `depth` coordinates.
template <class Form>
HWY_INLINE void add_pulls(const Form& cost, const float* const (&x)[kRows], const float* panel, int64_t depth,
                          const float* weights, const float* sums, float* total) {
  Pull<Form> pulls[kRows][kWords];
  for (int row = 0; row < kRows; ++row)
    for (int word = 0; word < kWords; ++word) {
      const int at = row * kColumns + word * Word::kLanes;
      pulls[row][word] = Pull<Form>(cost, weights + at, sums + at);
    }
  for (int64_t k = 0; k < depth; ++k) {
    Word sum[kWords], y[kWords];
    for (int word = 0; word < kWords; ++word) {
      sum[word] = Word(0.0f);
      y[word] = Word::load_aligned(panel + k * kColumns + word * Word::kLanes);
    }
    for (int row = 0; row < kRows; ++row) {
      const Word x_row(x[row][k]);
      for (int word = 0; word < kWords; ++word) sum[word] = pulls[row][word].add(cost, sum[word], x_row, y[word]);
    }
    for (int word = 0; word < kWords; ++word) {
      float* to = total + k * kColumns + word * Word::kLanes;
      (Word::load_aligned(to) + sum[word]).store(to);
    }
  }
}

/// A worker's memory.
struct PullScratch {
  float* packed;   // chunk of panels [chunk, d, kColumns]
  float* totals;   // gradients likewise
  float* weights;  // [chunk, kStretch, kColumns]
  float* sums;     // likewise, for costs without the chain rule
};

/// Fills weights, and sums where they are kept, of the rows of a stretch against all packed panels.
template <class Form, class Weights>
HWY_INLINE void weigh_stretch(const Form& cost, Matrix<const float> x, Matrix<const float> y, const Weights& source,
                              const PairShare& stretch, const PullScratch& scratch) {
  alignas(64) float block_sums[kMaxBlockRows * kColumns];
  for_each_block(x, stretch, scratch.packed, [&](const PairBlock& block) {
    const int64_t panel = block.first_column / kColumns - stretch.first_panel;
    const int64_t at = (panel * kStretch + block.first_row - stretch.first_row) * kColumns;
    float* sums = ChainRule<Form> ? block_sums : scratch.sums + at;
    float* weights = scratch.weights + at;
    if (Weights::kNeedsSums || cost.slope_needs_sum())
      fill_tile(cost, x, block.first_row, block.rows, block.panel, sums);
    source.fill(cost, x, y, block, sums, weights);
    for (int64_t rest = block.rows * kColumns; rest < divided_up(block.rows, kRows) * kRows * kColumns; ++rest) {
      sums[rest] = 1;
      weights[rest] = 0;
    }
    if (cost.slope_needs_sum())
      apply_sums(cost, x, y, block, sums, weights, scratch.totals + panel * x.columns * kColumns);
  });
}

/// Adds the pulls of a stretch of x to the totals of all packed panels.
template <class Form>
HWY_INLINE void pull_stretch(const Form& cost, Matrix<const float> x, const PairShare& stretch,
                             const PullScratch& scratch) {
  for (int64_t k = 0; k < x.columns; k += kPullSlice)
    for (int64_t panel = 0; panel < stretch.last_panel - stretch.first_panel; ++panel) {
      const int64_t from = (panel * x.columns + k) * kColumns;
      for (int64_t row = stretch.first_row; row < stretch.last_row; row += kRows) {
        const float* rows[kRows];
        for (int r = 0; r < kRows; ++r) rows[r] = x.data + smaller(row + r, stretch.last_row - 1) * x.stride + k;
        const int64_t at = (panel * kStretch + row - stretch.first_row) * kColumns;
        add_pulls(cost, rows, scratch.packed + from, smaller(kPullSlice, x.columns - k), scratch.weights + at,
                  scratch.sums + at, scratch.totals + from);
      }
    }
}

/// Rows [first, first + kColumns) of out, as far as there are any, from totals [d, kColumns].
HWY_INLINE void unpack_panel(const float* total, int64_t first, Matrix<float> out) {
  for (int64_t column = 0; column < kColumns && first + column < out.rows; column += 4) {
    const int64_t rows = smaller(4, out.rows - first - column);
    float* to = out.data + (first + column) * out.stride;
    const float* from = total + column;
    int64_t k = 0;
    for (; rows == 4 && k + 4 <= out.columns; k += 4, from += 4 * kColumns)
      transpose_4x4({from, from + kColumns, from + 2 * kColumns, from + 3 * kColumns},
                    {to + k, to + out.stride + k, to + 2 * out.stride + k, to + 3 * out.stride + k});
    for (; k < out.columns; ++k, from += kColumns)
      for (int64_t row = 0; row < rows; ++row) to[row * out.stride + k] = from[row];
  }
}

/// The gradient from one share's rows of x, in its rows of out.
template <class Form, class Weights>
void share_of_gradient(const Form& cost, Matrix<const float> x, Matrix<const float> y, const Weights& source,
                       const PairShare& share, int64_t chunk, const PullScratch& scratch, Matrix<float> out) {
  const int64_t panel_size = y.columns * kColumns;
  for_each_chunk(y, share, chunk, scratch.packed, [&](const PairShare& ready) {
    for (int64_t at = 0; at < (ready.last_panel - ready.first_panel) * panel_size; ++at) scratch.totals[at] = 0;
    for (int64_t row = ready.first_row; row < ready.last_row; row += kStretch) {
      const PairShare stretch{row, smaller(row + kStretch, ready.last_row), ready.first_panel, ready.last_panel};
      weigh_stretch(cost, x, y, source, stretch, scratch);
      pull_stretch(cost, x, stretch, scratch);
    }
    for (int64_t panel = ready.first_panel; panel < ready.last_panel; ++panel)
      unpack_panel(scratch.totals + (panel - ready.first_panel) * panel_size, panel * kColumns, out);
  });
}

/// out += the parts [parts, n, d], in their order.
HWY_INLINE void add_parts(int threads, const float* parts, int64_t count, Matrix<float> out) {
  parallel_ranges(threads, out.rows, 1 + kTermsPerThread / (count * (out.columns + 1)),
                  [=](int64_t begin, int64_t end) {
                    for (int64_t row = begin; row < end; ++row)
                      for (int64_t k = 0; k < out.columns; ++k) {
                        float sum = parts[row * out.columns + k];
                        for (int64_t part = 1; part < count; ++part)
                          sum += parts[(part * out.rows + row) * out.columns + k];
                        out.data[row * out.stride + k] = sum;
                      }
                  });
}

/// How the threads divide a gradient, and the memory for it.
template <class Form>
struct GradientPlan {
  PairGrid grid;
  int workers;
  int64_t chunk;         // panels
  int64_t packed_size;   // floats, of a worker
  int64_t weights_size;  // floats, of a worker
  int64_t parts_size;    // floats, of partial gradients

  HWY_INLINE GradientPlan(Matrix<const float> x, Matrix<const float> y, int threads)
      : grid(sum_grid(x, y, busy_threads(x, y, threads))),
        workers(static_cast<int>(smaller(grid.shares(), busy_threads(x, y, threads)))),
        chunk(smaller(chunk_panels(y, grid), kMostPanels)),
        packed_size(chunk * kColumns * y.columns),
        weights_size(chunk * kColumns * kStretch),
        parts_size(grid.row_parts > 1 ? grid.row_parts * y.rows * y.columns : 0) {}

  HWY_INLINE int64_t worker_size() const { return 2 * packed_size + (ChainRule<Form> ? 1 : 2) * weights_size; }
  HWY_INLINE int64_t floats() const { return workers * worker_size() + parts_size; }
  HWY_INLINE PullScratch scratch(float* workspace, int worker) const {
    float* packed = workspace + worker * worker_size();
    float* weights = packed + 2 * packed_size;
    return {packed, packed + packed_size, weights, ChainRule<Form> ? weights : weights + weights_size};
  }
};

/// Floats that weighted_gradient needs.
HWY_INLINE int64_t gradient_workspace(CostForm form, Matrix<const float> x, Matrix<const float> y, int threads) {
  int64_t floats = 0;
  visit_form(form, [&]<class Form>(const Form&) { floats = GradientPlan<Form>(x, y, threads).floats(); });
  return floats;
}

/// out_j = sum_i w(i, j) (d/dy) c(x_i, y_j); `workspace` has gradient_workspace floats. The source of weights says
/// whether it needs sums, and its `fill(cost, x, y, block, sums, weights)` fills weights [rows, kColumns], with finite
/// numbers where there are no columns. The order of adding depends on the shapes only, not on the threads.
template <class Form, class Weights>
HWY_INLINE void weighted_gradient(const Form& cost, Matrix<const float> x, Matrix<const float> y, const Weights& source,
                                  int threads, float* workspace, Matrix<float> out) {
  const GradientPlan<Form> plan(x, y, threads);
  float* parts = workspace + plan.workers * plan.worker_size();
#pragma omp parallel for num_threads(plan.workers) schedule(static, 1)
  for (int worker = 0; worker < plan.workers; ++worker)
    for (int share = worker; share < plan.grid.shares(); share += plan.workers) {
      const int64_t part = share / plan.grid.panel_parts;
      const Matrix<float> to =
          plan.parts_size ? Matrix<float>{parts + part * y.rows * y.columns, y.rows, y.columns} : out;
      share_of_gradient(cost, x, y, source, pair_share(x, y, plan.grid, share), plan.chunk,
                        plan.scratch(workspace, worker), to);
    }
  if (plan.parts_size) add_parts(plan.workers, parts, plan.grid.row_parts, out);
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
