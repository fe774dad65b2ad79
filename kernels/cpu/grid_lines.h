#pragma once

// What a pass over the lines of a grid does to a word of them: line by line, SIMD lanes side by side.

#include "kernels/cpu/power.h"
#include "kernels/grid_blocks.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// Rows of words: row i has what is at place i of every line. Behind the values, `plane` floats on, there may be costs.
template <class T>
struct Lines {
  T* data;
  int64_t stride;
  int64_t plane;

  HWY_INLINE Word load(int64_t place) const { return Word::load(data + place * stride); }
  HWY_INLINE void store(int64_t place, Word value) const { value.store(data + place * stride); }
  HWY_INLINE Lines words_from(int64_t line) const { return {data + line, stride, plane}; }
  HWY_INLINE Lines costs() const { return {data + plane, stride, plane}; }
};

/// exp2 and log2 of what is finite, and neither 0 nor subnormal; NaN stays.
HWY_INLINE Word exp2_of_finite(Word x) {
  const Word whole = hn::Round(x.v);
  return exp2_of_split(whole, x - whole);
}
HWY_INLINE Word log2_of_finite(Word x) {
  const SplitLogarithm log = split_log2(x);
  return log.whole + log.rest;
}

/// 0, or NaN where a line has one: a maximum would lose it.
HWY_INLINE Word nan_of(Lines<const float> in, int64_t places) {
  Word sum(0.0f);
  for (int64_t i = 0; i < places; ++i) sum = sum + in.load(i) * Word(0.0f);
  return sum;
}

/// The logarithm of the sum, by blocks as kernels/grid_blocks.h says. Powers of 2 have whole exponents beside factors
/// in [1, 2) from tables, and cost an instruction. There must be rows up to the end of the last block, of -kGridFar.
template <int kBlock>
class SoftLines {
 public:
  static constexpr int kPlanes = 1;
  static HWY_INLINE int64_t rows(int64_t places) { return blocks_of(places) * kBlock; }
  static HWY_INLINE int64_t table_floats(int64_t places) { return 2 * blocks_of(places) * kTable; }

  /// Fills the tables, of table_floats(places).
  SoftLines(int64_t places, float scale, float* tables)
      : places_(places), blocks_(blocks_of(places)), scale_(scale), tables_(tables) {
    for (int t = 1 - kBlock; t < kBlock; ++t)
      near_[t + kBlock - 1] = static_cast<float>(::exp2(-double{scale} * t * t));
    for (int64_t apart = 1 - blocks_; apart < blocks_; ++apart)
      for (int b = 0; b < kBlock; ++b) {
        const double distance = static_cast<double>(apart * kBlock), exponent = scale * distance * (2 * b - distance);
        tables[table(apart) + b] = static_cast<float>(::floor(exponent));
        tables[table(apart) + kBlock + b] = static_cast<float>(::exp2(exponent - ::floor(exponent)));
        const int64_t blocks = apart < 0 ? -apart : apart, gap = blocks == 0 ? 0 : (blocks - 1) * kBlock + 1;
        tables[table(apart) + kSlope] = 2 * scale * static_cast<float>(distance);
        tables[table(apart) + kGap] = cost(gap);
        tables[table(apart) + kReach] = cost((blocks + 1) * kBlock - 1);
      }
  }

  HWY_INLINE void fold(Lines<const float> in, Lines<float> out) const {
    Word tops[kMostBlocks];
    for (int64_t block = 0; block < blocks_; ++block) {
      tops[block] = in.load(block * kBlock);
      for (int a = 1; a < kBlock; ++a) tops[block] = max(tops[block], in.load(block * kBlock + a));
    }
    const Word nan = nan_of(in, places_);
    for (int64_t block = 0; block < blocks_; ++block) fold_block(in, tops, block, nan, out);
  }

 private:
  static constexpr int64_t kMostBlocks = kMostGridSide / kBlock;
  // Of two blocks so far apart: whole exponents and factors of every b, 2 s D, and s t^2 for the least and the most t.
  static constexpr int kSlope = 2 * kBlock, kGap = kSlope + 1, kReach = kGap + 1, kTable = kReach + 1;

  static HWY_INLINE int64_t blocks_of(int64_t places) { return (places + kBlock - 1) / kBlock; }
  HWY_INLINE int64_t table(int64_t apart) const { return (apart + blocks_ - 1) * kTable; }
  HWY_INLINE float cost(int64_t distance) const { return scale_ * static_cast<float>(distance * distance); }

  HWY_INLINE void fold_block(Lines<const float> in, const Word* tops, int64_t to, Word nan, Lines<float> out) const {
    // What some term of every place is at least, and the blocks with terms that are not negligible beside it.
    Word least = tops[to] - Word(tables_[table(0) + kReach]);
    for (int64_t from = 0; from < blocks_; ++from)
      least = max(least, tops[from] - Word(tables_[table(from - to) + kReach]));
    least = least - Word(kGridNegligible);

    int64_t counting[kMostBlocks], count = 0;
    Word exponents[kMostBlocks], bases[kBlock], sums[kBlock];
    for (int b = 0; b < kBlock; ++b) {
      bases[b] = Word(-2 * kGridFar);
      sums[b] = Word(0.0f);
    }
    for (int64_t from = 0; from < blocks_; ++from) {
      if (all(least > tops[from] - Word(tables_[table(from - to) + kGap]))) continue;
      const Word slope(tables_[table(from - to) + kSlope]);
      Word largest = in.load(from * kBlock);
      for (int a = 1; a < kBlock; ++a) largest = max(largest, tilted(in, from, slope, a));
      largest = hn::Ceil(largest.v);
      for (int b = 0; b < kBlock; ++b) bases[b] = max(bases[b], largest + Word(tables_[table(from - to) + b]));
      exponents[count] = largest;
      counting[count++] = from;
    }
    for (int64_t k = 0; k < count; ++k) {
      const float* wholes = tables_ + table(counting[k] - to);
      const Word slope(wholes[kSlope]);
      Word powers[kBlock];
      for (int a = 0; a < kBlock; ++a) powers[a] = exp2_of_finite(tilted(in, counting[k], slope, a) - exponents[k]);
      for (int b = 0; b < kBlock; ++b) {
        Word sum = powers[0] * Word(near_[kBlock - 1 - b]);
        for (int a = 1; a < kBlock; ++a) sum = multiply_add(powers[a], Word(near_[kBlock - 1 + a - b]), sum);
        const Word exponent = (exponents[k] + Word(wholes[b])) - bases[b];
        sums[b] = sums[b] + scale_by_power(sum * Word(wholes[kBlock + b]), exponent);
      }
    }
    for (int b = 0; b < kBlock && to * kBlock + b < places_; ++b)
      out.store(to * kBlock + b, (bases[b] + nan) + log2_of_finite(sums[b]));
  }

  /// v_i - 2 s D a.
  HWY_INLINE Word tilted(Lines<const float> in, int64_t from, Word slope, int a) const {
    return multiply_add(slope, Word(static_cast<float>(-a)), in.load(from * kBlock + a));
  }

  int64_t places_, blocks_;
  float scale_;
  float near_[2 * kBlock - 1];
  const float* tables_;
};

/// The largest of v_i - s (i - j)^2.
class HardLines {
 public:
  static constexpr int kPlanes = 1;
  static HWY_INLINE int64_t rows(int64_t places) { return places; }
  static HWY_INLINE int64_t table_floats(int64_t) { return 0; }

  HardLines(int64_t places, float scale, float*) : places_(places), scale_(scale) {}

  HWY_INLINE void fold(Lines<const float> in, Lines<float> out) const {
    const Word nan = nan_of(in, places_);
    for (int64_t j = 0; j < places_; ++j) out.store(j, largest(in, j) + nan);
  }

 protected:
  HWY_INLINE Word term(Lines<const float> in, int64_t i, int64_t j) const {
    return in.load(i) - Word(scale_ * static_cast<float>((i - j) * (i - j)));
  }
  HWY_INLINE Word largest(Lines<const float> in, int64_t j) const {
    Word most = term(in, 0, j);
    for (int64_t i = 1; i < places_; ++i) most = max(most, term(in, i, j));
    return most;
  }

  int64_t places_;
  float scale_;
};

/// The logarithm of the sum, and the mean of cost + (i - j)^2 by its terms; an exponential for each, being rarely used.
class CostLines : public HardLines {
 public:
  static constexpr int kPlanes = 2;
  using HardLines::HardLines;

  HWY_INLINE void fold(Lines<const float> in, Lines<float> out) const {
    const Word nan = nan_of(in, places_);
    for (int64_t j = 0; j < places_; ++j) {
      const Word most = largest(in, j);
      Word sum(0.0f), costs(0.0f);
      for (int64_t i = 0; i < places_; ++i) {
        const Word power = exp2_of_finite(term(in, i, j) - most);
        sum = sum + power;
        costs = multiply_add(power, in.costs().load(i) + Word(static_cast<float>((i - j) * (i - j))), costs);
      }
      out.store(j, (most + nan) + log2_of_finite(sum));
      out.costs().store(j, costs / sum + nan);
    }
  }
};

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
