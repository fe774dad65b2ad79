#pragma once

// log2, exp2 and power of Words: branch-free, without tables, the same on every instruction set up to fusing.

#include "kernels/cpu/simd.h"

namespace wasserkern::WASSERKERN_ISA {

/// log2 of a positive finite number as a sum: an integer, and a rest of at most 1/2 in size.
struct SplitLogarithm {
  Word whole;
  Word rest;
};

HWY_INLINE SplitLogarithm split_log2(Word x) {
  constexpr Word::Tag tag;
  constexpr Word::IntTag int_tag;
  const auto subnormal = hn::Lt(x.v, hn::Set(tag, 1.17549435e-38f));
  const auto scaled = hn::IfThenElse(subnormal, hn::Mul(x.v, hn::Set(tag, 16777216.0f)), x.v);
  const auto scale = hn::IfThenElseZero(subnormal, hn::Set(tag, 24.0f));

  // Counted from sqrt(1/2), so that the mantissa is in [sqrt(1/2), sqrt(2)).
  const auto root_half = hn::Set(int_tag, 0x3f3504f3);
  const auto bits = hn::Sub(hn::BitCast(int_tag, scaled), root_half);
  const auto exponent = hn::ConvertTo(tag, hn::ShiftRight<23>(bits));
  const auto mantissa = hn::BitCast(tag, hn::Add(hn::And(bits, hn::Set(int_tag, 0x7fffff)), root_half));

  // Minimax for log2(1 + t) / t, relative error 2.6e-8.
  const Word t = Word(mantissa) - Word(1.0f);
  Word series(0.125837051f);
  series = multiply_add(series, t, Word(-0.207269762f));
  series = multiply_add(series, t, Word(0.215715601f));
  series = multiply_add(series, t, Word(-0.238944819f));
  series = multiply_add(series, t, Word(0.287916248f));
  series = multiply_add(series, t, Word(-0.360703683f));
  series = multiply_add(series, t, Word(0.480910643f));
  series = multiply_add(series, t, Word(-0.721347347f));
  series = multiply_add(series, t, Word(1.442695f));
  return {hn::Sub(exponent, scale), series * t};
}

/// 2^(whole + rest) for an integer `whole` and a rest of at most 1/2 in size; overflows to infinity, underflows
/// through the subnormals to 0.
HWY_INLINE Word exp2_of_split(Word whole, Word rest) {
  constexpr Word::IntTag int_tag;
  // Minimax for (2^t - 1) / t, error 4e-9 relative to 2^t.
  Word series(0.000154697585f);
  series = multiply_add(series, rest, Word(0.00134100316f));
  series = multiply_add(series, rest, Word(0.0096180307f));
  series = multiply_add(series, rest, Word(0.0555029722f));
  series = multiply_add(series, rest, Word(0.240226511f));
  series = multiply_add(series, rest, Word(0.693147225f));
  const Word mantissa = multiply_add(series, rest, Word(1.0f));

  // 2^whole in two factors, because a result may be subnormal and a factor not.
  const Word in_range = max(Word(-252.0f), min(Word(252.0f), whole));
  const auto shifter = hn::BitCast(int_tag, (in_range + Word(12582912.0f)).v);  // its low bits hold the integer
  const auto exponent = hn::Sub(shifter, hn::Set(int_tag, 0x4b400000));
  const auto half = hn::ShiftRight<1>(exponent);
  const auto bias = hn::Set(int_tag, 127);
  const auto first = hn::ShiftLeft<23>(hn::Add(half, bias));
  const auto second = hn::ShiftLeft<23>(hn::Add(hn::Sub(exponent, half), bias));
  return mantissa * Word(hn::BitCast(Word::Tag(), first)) * Word(hn::BitCast(Word::Tag(), second));
}

/// log2(0) = -infinity, log2(infinity) = infinity; NaN for NaN and below zero.
HWY_INLINE Word log2(Word x) {
  constexpr Word::Tag tag;
  const SplitLogarithm log = split_log2(x);
  const auto infinity = hn::Inf(tag);
  const auto zero = hn::Zero(tag);
  const auto finite = hn::IfThenElse(hn::Lt(x.v, infinity), (log.whole + log.rest).v, x.v);
  const auto not_positive = hn::IfThenElse(hn::Eq(x.v, zero), hn::Neg(infinity), hn::NaN(tag));
  return hn::IfThenElse(hn::Gt(x.v, zero), finite, not_positive);
}

/// exp2(-infinity) = 0, exp2(infinity) = infinity; NaN for NaN.
HWY_INLINE Word exp2(Word x) {
  const Word in_range = max(Word(-200.0f), min(Word(200.0f), x));
  const Word whole = hn::Round(in_range.v);
  return exp2_of_split(whole, in_range - whole);
}

/// x^exponent for x in [0, infinity] and a finite exponent other than 0; NaN for NaN and below zero.
HWY_INLINE Word power(Word x, Word exponent) {
  constexpr Word::Tag tag;
  constexpr float kFar = 1048576;  // stands for an infinite logarithm; products with it are exact
  const SplitLogarithm log = split_log2(x);
  const Word above_zero = select_greater(x, Word(0.0f), log.whole, Word(-kFar));
  const Word whole = hn::IfThenElse(hn::Eq(x.v, hn::Inf(tag)), hn::Set(tag, kFar), above_zero.v);

  // The exponent's upper half times `whole` is exact: the digits after the point survive without a fused operation.
  const Word upper = hn::And(exponent.v, hn::BitCast(tag, hn::Set(Word::IntTag(), ~0xff)));
  const Word large = upper * whole;
  const Word small = multiply_add(exponent - upper, whole, exponent * log.rest);
  const Word result_whole = hn::Round((large + small).v);
  const Word result = exp2_of_split(result_whole, (large - result_whole) + small);
  return hn::IfThenElse(hn::Ge(x.v, hn::Zero(tag)), result.v, hn::NaN(tag));
}

}  // namespace wasserkern::WASSERKERN_ISA
