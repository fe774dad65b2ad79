#include "kernels/soft_c_transform.h"

#include "kernels/cpu/column_sums.h"
#include "kernels/soft_sum.h"

WASSERKERN_PER_ISA(                                                                                 //
    int64_t soft_c_transform_workspace(int threads, Matrix<const float> x, Matrix<const float> y);  //
    void soft_c_transform_kernel(int threads, CostForm cost, float epsilon, Matrix<const float> x,  //
                                 const float* phi, Matrix<const float> y, float* workspace, float* out);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int kStates = 3;

/// The sums so far of every column in every part of the rows.
struct SoftSums {
  float* largest;
  float* ones;
  float* rest;

  HWY_INLINE SoftSum<float> column(int64_t at) const { return {largest[at], ones[at], rest[at]}; }
  HWY_INLINE SoftSum<Word> load(int64_t at) const {
    return {Word::load(largest + at), Word::load(ones + at), Word::load(rest + at)};
  }
  HWY_INLINE void store(int64_t at, const SoftSum<Word>& sum) const {
    sum.largest.store(largest + at);
    sum.ones.store(ones + at);
    sum.rest.store(rest + at);
  }
};

/// Takes the costs of a tile into the sums of one word of its columns.
template <class Form>
HWY_INLINE void fold_word(const Form& cost, Matrix<const float> x, const float* phi, Matrix<const float> y,
                          const PairTile& tile, int word, Word scale, const SoftSums& sums, int64_t at) {
  const int64_t column = tile.first_column + word * Word::kLanes;
  Word values[kMaxBlockRows];
  SoftSum<Word> sum = sums.load(at);
  Word largest = sum.largest;
  for (int64_t row = 0; row < tile.rows; ++row) {
    const Word tile_sum = Word::load_aligned(tile.sums + row * kColumns + word * Word::kLanes);
    values[row] = Word(phi[tile.first_row + row]) - costs_of(cost, x, y, tile.first_row + row, column, tile_sum);
    largest = SoftSum<Word>::larger_of(largest, values[row]);
  }
  sum.raise(largest, scale);
  SoftSum<Word> of_tile{largest, Word(0.0f), Word(0.0f)};
  for (int64_t row = 0; row < tile.rows; ++row) of_tile.add(values[row], scale);
  sums.store(at, {largest, sum.ones + of_tile.ones, sum.rest + of_tile.rest});
}

}  // namespace

int64_t soft_c_transform_workspace(int threads, Matrix<const float> x, Matrix<const float> y) {
  return ColumnSumPlan(x, y, threads).floats(kStates);
}

void soft_c_transform_kernel(int threads, CostForm form, float epsilon, Matrix<const float> x, const float* phi,
                             Matrix<const float> y, float* workspace, float* out) {
  const ColumnSumPlan plan(x, y, threads);
  const SoftSums sums{plan.state(workspace, 0), plan.state(workspace, 1), plan.state(workspace, 2)};
  const float scale = soft_sum_scale(epsilon);
  for (int64_t at = 0; at < plan.state_size(); at += Word::kLanes) sums.store(at, SoftSum<Word>::none());
  visit_form(form, [=](const auto& cost) {
    fold_columns(plan, cost, x, y, workspace, [=](const PairTile& tile, int word, int64_t at) {
      fold_word(cost, x, phi, y, tile, word, Word(scale), sums, at);
    });
  });
  for (int64_t column = 0; column < y.rows; ++column) {
    SoftSum<float> sum = sums.column(column);
    for (int part = 1; part < plan.grid.row_parts; ++part)
      sum.join(sums.column(part * plan.padded_columns + column), scale);
    out[column] = soft_minimum(sum, x.rows, epsilon);
  }
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void soft_c_transform(CpuStream& stream, const Cost& cost, float epsilon, Matrix<const float> x,
                      Vector<const float> phi, Matrix<const float> y, Vector<float> out) {
  check_soft_c_transform(epsilon, x, phi, y, out);
  with_cost_form(cost, [&](CostForm form) {
    const int threads = stream.threads();
    const int64_t floats = WASSERKERN_SIMD(soft_c_transform_workspace)(threads, x, y);
    auto* workspace = static_cast<float*>(stream.workspace(static_cast<size_t>(floats) * sizeof(float)));
    WASSERKERN_SIMD(soft_c_transform_kernel)(threads, form, epsilon, x, phi.data, y, workspace, out.data);
  });
}

}  // namespace wasserkern

#endif
