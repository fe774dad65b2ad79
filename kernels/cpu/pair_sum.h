#pragma once

// The sum of a cost's terms over one pair of rows. See kernels/cost/lq.h.

#include "kernels/cpu/cost_form.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// A sum of terms and the unit in which it was taken.
struct PairSum {
  float sum;
  float unit;
};

template <class Form>
HWY_INLINE float sum_of_terms(const Form& cost, const float* x, const float* y, int64_t size) {
  constexpr int kChains = 4;  // against the latency of an addition, and against rounding
  Word sums[kChains] = {Word(0.0f), Word(0.0f), Word(0.0f), Word(0.0f)};
  int64_t k = 0;
  for (; k + kChains * Word::kLanes <= size; k += kChains * Word::kLanes)
    for (int chain = 0; chain < kChains; ++chain) {
      const int64_t at = k + chain * Word::kLanes;
      sums[chain] = cost.add_term(sums[chain], Word::load(x + at), Word::load(y + at));
    }
  for (; k < size; k += Word::kLanes)
    sums[0] = cost.add_term(sums[0], Word::load_up_to(x + k, size - k), Word::load_up_to(y + k, size - k));
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum();
}

/// As sum_of_terms, of the differences divided by a power of two.
template <class Form>
HWY_INLINE float sum_of_terms_in(float unit, const Form& cost, const float* x, const float* y, int64_t size) {
  const Word reciprocal(1 / unit);
  Word sum(0.0f);
  for (int64_t k = 0; k < size; k += Word::kLanes) {
    const Word difference = Word::load_up_to(y + k, size - k) - Word::load_up_to(x + k, size - k);
    sum = cost.add_term(sum, Word(0.0f), difference * reciprocal);
  }
  return sum.sum();
}

HWY_INLINE float largest_difference(const float* x, const float* y, int64_t size) {
  Word largest(0.0f);
  for (int64_t k = 0; k < size; k += Word::kLanes)
    largest = max(largest, abs(Word::load_up_to(y + k, size - k) - Word::load_up_to(x + k, size - k)));
  return largest.largest();
}

/// The sum of a pair, exact about range.
template <class Form>
HWY_INLINE PairSum pair_sum(const Form& cost, const float* x, const float* y, int64_t size) {
  const float sum = sum_of_terms(cost, x, y, size);
  if (all(cost.trusted(sum))) return {sum, 1};
  const float unit = unit_near(largest_difference(x, y, size));
  return {unit == 1 ? sum : sum_of_terms_in(unit, cost, x, y, size), unit};
}

/// What the derivatives of a pair are made from.
template <class Form>
HWY_INLINE auto slope_of(const Form& cost, const float* x, const float* y, int64_t size) {
  const PairSum pair = cost.slope_needs_sum() ? pair_sum(cost, x, y, size) : PairSum{1, 1};
  return cost.slope(pair.sum, pair.unit);
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
