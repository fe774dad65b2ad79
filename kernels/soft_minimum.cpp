#include "kernels/soft_minimum.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/power.h"

WASSERKERN_PER_ISA(                                                                                         //
    void soft_minimum_kernel(int threads, float epsilon, int64_t problems, Factor costs, const float* phi,  //
                             float* out);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int kWords = 4;  // of columns side by side: whole cache lines of every row
constexpr int64_t kColumns = kWords * Word::kLanes;
constexpr int64_t kBlock = 32;  // words of a column, or of a row, between two looks for their largest
constexpr int64_t kPairsPerThread = 1 << 14;

using Sum = SoftSum<Word>;

/// One matrix of costs, as it lies in memory.
HWY_INLINE Matrix<const float> problem_of(const Matrix<const float>& costs, int64_t problems, int64_t index) {
  const int64_t rows = costs.rows / problems;
  return {costs.data + index * rows * costs.stride, rows, costs.columns, costs.stride};
}

/// Takes `count` words in: first their largest, so that the sum is rescaled once.
HWY_INLINE void add_block(Sum& sum, const Word* values, int64_t apart, int64_t count, Word largest, Word scale) {
  sum.raise(largest, scale);
  for (int64_t i = 0; i < count; ++i) sum.add(values[i * apart], scale);
}

/// Over the rows of a matrix, for the columns [first, first + kColumns), of which there may be fewer.
HWY_INLINE void minimise_columns(float epsilon, Matrix<const float> costs, const float* phi, int64_t first,
                                 float* out) {
  const Word scale(soft_sum_scale(epsilon));
  Sum sums[kWords];
  for (Sum& sum : sums) sum = Sum::none();
  Word values[kBlock * kWords];
  for (int64_t row = 0; row < costs.rows; row += kBlock) {
    const int64_t count = costs.rows - row < kBlock ? costs.rows - row : kBlock;
    Word largest[kWords];
    for (int word = 0; word < kWords; ++word) largest[word] = sums[word].largest;
    for (int64_t i = 0; i < count; ++i) {
      const float* from = costs.data + (row + i) * costs.stride + first;
      const Word potential(phi[row + i]);
      for (int word = 0; word < kWords; ++word) {
        const int64_t left = costs.columns - first - word * Word::kLanes;
        const Word cost = left > 0 ? Word::load_up_to(from + word * Word::kLanes, left) : Word(0.0f);
        values[i * kWords + word] = potential - cost;
        largest[word] = Sum::larger_of(largest[word], values[i * kWords + word]);
      }
    }
    for (int word = 0; word < kWords; ++word) add_block(sums[word], values + word, kWords, count, largest[word], scale);
  }
  alignas(64) float states[3][kColumns];
  for (int word = 0; word < kWords; ++word) {
    sums[word].largest.store(states[0] + word * Word::kLanes);
    sums[word].ones.store(states[1] + word * Word::kLanes);
    sums[word].rest.store(states[2] + word * Word::kLanes);
  }
  for (int64_t column = 0; column < kColumns && first + column < costs.columns; ++column)
    out[first + column] =
        soft_minimum(SoftSum<float>{states[0][column], states[1][column], states[2][column]}, costs.rows, epsilon);
}

/// Over the columns of a matrix, for one row.
HWY_INLINE float minimise_row(float epsilon, const float* costs, const float* phi, int64_t columns) {
  const Word scale(soft_sum_scale(epsilon));
  const Word nothing = Word(0.0f) - Word(hn::Inf(Word::Tag()));
  Sum sum = Sum::none();
  Word values[kBlock];
  for (int64_t first = 0; first < columns; first += kBlock * Word::kLanes) {
    Word largest = sum.largest;
    int64_t count = 0;
    for (int64_t column = first; count < kBlock && column < columns; ++count, column += Word::kLanes) {
      const int64_t left = columns - column;
      Word value = Word::load_up_to(phi + column, left) - Word::load_up_to(costs + column, left);
      if (left < Word::kLanes)
        value = hn::IfThenElse(hn::FirstN(Word::Tag(), static_cast<size_t>(left)), value.v, nothing.v);
      values[count] = value;
      largest = Sum::larger_of(largest, value);
    }
    add_block(sum, values, 1, count, largest, scale);
  }
  const float largest = sum.largest.largest();
  sum.raise(Word(largest), scale);
  return soft_minimum(SoftSum<float>{largest, sum.ones.sum(), sum.rest.sum()}, columns, epsilon);
}

}  // namespace

// A column and a row are summed by one thread each, in the order that their length says.
void soft_minimum_kernel(int threads, float epsilon, int64_t problems, Factor costs, const float* phi, float* out) {
  const Matrix<const float> all = costs.matrix;
  const int64_t pairs = all.rows * all.columns;
  const int busy = static_cast<int>(threads < 1 + pairs / kPairsPerThread ? threads : 1 + pairs / kPairsPerThread);
  if (costs.transposed) {
    const int64_t rows = all.rows / problems;
    parallel_ranges(busy, all.rows, 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        out[row] = minimise_row(epsilon, all.data + row * all.stride, phi + row / rows * all.columns, all.columns);
    });
    return;
  }
  const int64_t panels = (all.columns + kColumns - 1) / kColumns;
  parallel_ranges(busy, problems * panels, 1, [=](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const Matrix<const float> problem = problem_of(all, problems, at / panels);
      minimise_columns(epsilon, problem, phi + at / panels * problem.rows, at % panels * kColumns,
                       out + at / panels * all.columns);
    }
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/soft_minimum_contracts.h"

namespace wasserkern {

void soft_minimum(CpuStream& stream, float epsilon, int64_t problems, Factor costs, Vector<const float> phi,
                  Vector<float> out) {
  check_soft_minimum(epsilon, problems, costs, phi, out);
  if (out.size == 0) return;
  WASSERKERN_SIMD(soft_minimum_kernel)(stream.threads(), epsilon, problems, costs, phi.data, out.data);
}

}  // namespace wasserkern

#endif
