#pragma once

// log2, exp2 and power of Words: branch-free, without tables, the same on every instruction set up to fusing.

#include "kernels/cpu/simd.h"
#include "kernels/soft_sum.h"

namespace wasserkern::WASSERKERN_ISA {

/// c_0 + c_1 t + c_2 t^2 + ..., evaluated in pairs: a short chain of operations rather than few of them.
template <int kSize>
HWY_INLINE Word polynomial(Word t, const float (&coefficients)[kSize]) {
  Word terms[kSize];
  for (int i = 0; i < kSize; ++i) terms[i] = Word(coefficients[i]);
  for (int size = kSize; size > 1; size = (size + 1) / 2) {
    for (int i = 0; i + 1 < size; i += 2) terms[i / 2] = multiply_add(terms[i + 1], t, terms[i]);
    if (size % 2) terms[size / 2] = terms[size - 1];
    t = t * t;
  }
  return terms[0];
}

/// The whole part that stands for an infinite logarithm; products with it are exact.
constexpr float kFar = 1048576;

/// log2 of a number as a sum: an integer, and a rest between -0.42 and 0.59. The integer is -kFar for 0 and kFar for
/// infinity; the sum is NaN for NaN and below zero.
struct SplitLogarithm {
  Word whole;
  Word rest;
};

HWY_INLINE SplitLogarithm split_log2(Word x) {
#if HWY_TARGET == HWY_AVX3
  const __m512 mantissa = _mm512_getmant_ps(x.v.raw, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
  const __m512 exponent = _mm512_sub_ps(_mm512_getexp_ps(x.v.raw), _mm512_getexp_ps(mantissa));
  const Word whole = max(Word(-kFar), min(Word(kFar), Word(hn::Vec<Word::Tag>{exponent})));  // NaN stays NaN
  const Word t = Word(hn::Vec<Word::Tag>{mantissa}) - Word(1.0f);
#else
  constexpr Word::Tag tag;
  constexpr Word::IntTag int_tag;
  const auto subnormal = hn::Lt(x.v, hn::Set(tag, 1.17549435e-38f));
  const auto normal = hn::IfThenElse(subnormal, hn::Mul(x.v, hn::Set(tag, 16777216.0f)), x.v);
  const auto shift = hn::IfThenElseZero(subnormal, hn::Set(tag, 24.0f));
  // Counted from 3/4, so that the mantissa is in [3/4, 3/2).
  const auto three_quarters = hn::Set(int_tag, 0x3f400000);
  const auto bits = hn::Sub(hn::BitCast(int_tag, normal), three_quarters);
  const auto mantissa = hn::BitCast(tag, hn::Add(hn::And(bits, hn::Set(int_tag, 0x7fffff)), three_quarters));
  const auto exponent = hn::Sub(hn::ConvertTo(tag, hn::ShiftRight<23>(bits)), shift);
  const auto above_zero = hn::IfThenElse(hn::Gt(x.v, hn::Zero(tag)), exponent, hn::Set(tag, -kFar));
  const Word whole = hn::IfThenElse(hn::Eq(x.v, hn::Inf(tag)), hn::Set(tag, kFar), above_zero);
  const Word t = hn::IfThenElse(hn::Ge(x.v, hn::Zero(tag)), hn::Sub(mantissa, hn::Set(tag, 1.0f)), hn::NaN(tag));
#endif
  // Minimax for log2(1 + t) / t, relative error 2.7e-8.
  return {whole, t * polynomial(t, {1.44269503f, -0.721348478f, 0.480902081f, -0.360575922f, 0.288191503f,
                                    -0.242723516f, 0.216324876f, -0.174230266f, 0.0780667663f})};
}

/// (2^t - 1) / t for t of at most 1/2 in size: minimax, error 4e-9 relative to 2^t.
HWY_INLINE Word exp2_slope(Word t) {
  return polynomial(t, {0.693147225f, 0.240226511f, 0.0555029722f, 0.0096180307f, 0.00134100316f, 0.000154697585f});
}

/// x 2^whole for an integer `whole`; overflows to infinity, underflows through the subnormals to 0 for an x next to 1.
HWY_INLINE Word scale_by_power(Word x, Word whole) {
#if HWY_TARGET == HWY_AVX3
  return Word(hn::Vec<Word::Tag>{_mm512_scalef_ps(x.v.raw, whole.v.raw)});
#else
  // 2^whole in two factors, because a result may be subnormal and a factor not.
  constexpr Word::IntTag int_tag;
  const Word in_range = max(Word(-252.0f), min(Word(252.0f), whole));
  const auto shifter = hn::BitCast(int_tag, (in_range + Word(12582912.0f)).v);  // its low bits hold the integer
  const auto exponent = hn::Sub(shifter, hn::Set(int_tag, 0x4b400000));
  const auto half = hn::ShiftRight<1>(exponent);
  const auto bias = hn::Set(int_tag, 127);
  const auto first = hn::ShiftLeft<23>(hn::Add(half, bias));
  const auto second = hn::ShiftLeft<23>(hn::Add(hn::Sub(exponent, half), bias));
  return x * Word(hn::BitCast(Word::Tag(), first)) * Word(hn::BitCast(Word::Tag(), second));
#endif
}

/// 2^(whole + rest) for an integer `whole` and a rest of at most 1/2 in size; overflows to infinity, underflows
/// through the subnormals to 0; NaN for a rest of NaN.
HWY_INLINE Word exp2_of_split(Word whole, Word rest) {
  return scale_by_power(multiply_add(exp2_slope(rest), rest, Word(1.0f)), whole);
}

/// log2(0) = -infinity, log2(infinity) = infinity; NaN for NaN and below zero.
HWY_INLINE Word log2(Word x) {
  const SplitLogarithm log = split_log2(x);
  const Word infinite = log.whole * Word(hn::Inf(Word::Tag()));
  return select_greater(abs(log.whole), Word(kFar / 2), infinite, Word(0.0f)) + (log.whole + log.rest);
}

/// x, or what has the same power of two in float.
HWY_INLINE Word within_exponents(Word x) {
  const Word below = select_greater(x, Word(200.0f), Word(200.0f), x);
  return select_greater(Word(-200.0f), below, Word(-200.0f), below);
}

/// exp2(-infinity) = 0, exp2(infinity) = infinity; NaN for NaN.
HWY_INLINE Word exp2(Word x) {
  const Word in_range = within_exponents(x);
  const Word whole = hn::Round(in_range.v);
  return exp2_of_split(whole, in_range - whole);
}

/// See kernels/soft_sum.h.
HWY_INLINE SplitPower<Word> split_exp2(Word x) {
  const Word in_range = within_exponents(x);
  const Word whole = hn::Round(in_range.v);
  const Word rest = in_range - whole;
  const auto near = hn::Eq(whole.v, hn::Zero(Word::Tag()));
  return {hn::IfThenElseZero(near, Word(1.0f).v),
          hn::IfThenElse(near, (exp2_slope(rest) * rest).v, exp2_of_split(whole, rest).v)};
}

/// x^exponent for x in [0, infinity] and a finite exponent other than 0; NaN for NaN and below zero.
HWY_INLINE Word power(Word x, Word exponent) {
  const SplitLogarithm log = split_log2(x);
  // The exponent's upper half times `whole` is exact: the digits after the point survive without a fused operation.
  const Word upper = hn::And(exponent.v, hn::BitCast(Word::Tag(), hn::Set(Word::IntTag(), ~0xff)));
  const Word large = upper * log.whole;
  const Word small = multiply_add(exponent - upper, log.whole, exponent * log.rest);
  const Word whole = hn::Round((large + small).v);
  return exp2_of_split(whole, (large - whole) + small);
}

}  // namespace wasserkern::WASSERKERN_ISA
