#pragma once

// Included by sources that are compiled once per instruction set (kernels/cpu/dispatch.h). Everything here is
// force-inlined: an out-of-line copy could be linked into a path that an older CPU runs.

#include <hwy/highway.h>

#include "kernels/cost/math.h"
#include "kernels/cpu/dispatch.h"

namespace wasserkern::WASSERKERN_ISA {

namespace hn = hwy::HWY_NAMESPACE;

/// A SIMD vector of floats, written like a float.
struct Word {
  using Tag = hn::ScalableTag<float>;
  using IntTag = hn::RebindToSigned<Tag>;
  static constexpr int kLanes = HWY_LANES(float);

  hn::Vec<Tag> v;

  Word() = default;
  HWY_INLINE Word(hn::Vec<Tag> vector) : v(vector) {}
  HWY_INLINE explicit Word(float x) : v(hn::Set(Tag(), x)) {}

  static HWY_INLINE Word load(const float* from) { return hn::LoadU(Tag(), from); }
  static HWY_INLINE Word load_aligned(const float* from) { return hn::Load(Tag(), from); }
  /// The first `count` lanes; the others are 0 and are not read.
  static HWY_INLINE Word load_first(const float* from, int64_t count) {
#if HWY_TARGET <= HWY_AVX2 || !HWY_ARCH_X86
    return hn::MaskedLoad(hn::FirstN(Tag(), static_cast<size_t>(count)), Tag(), from);
#else
    // Without masked loads Highway reads all lanes, from an address that it takes for aligned.
    alignas(64) float lanes[kLanes] = {};
    for (int64_t lane = 0; lane < count; ++lane) lanes[lane] = from[lane];
    return load_aligned(lanes);
#endif
  }
  /// Those of the lanes [begin, end) that there are; the others are 0 and are not read.
  static HWY_INLINE Word load_between(const float* from, int64_t begin, int64_t end) {
#if HWY_TARGET <= HWY_AVX2 || !HWY_ARCH_X86
    return hn::MaskedLoad(between(begin, end), Tag(), from);
#else
    alignas(64) float lanes[kLanes] = {};
    for (int64_t lane = begin < 0 ? 0 : begin; lane < kLanes && lane < end; ++lane) lanes[lane] = from[lane];
    return load_aligned(lanes);
#endif
  }
  /// As many lanes as there are, if `count` are left; the others are 0.
  static HWY_INLINE Word load_up_to(const float* from, int64_t count) {
    return count < kLanes ? load_first(from, count) : load(from);
  }
  HWY_INLINE void store(float* to) const { hn::StoreU(v, Tag(), to); }
  /// Past the caches; other threads see it after hwy::FlushStream. The address is aligned.
  HWY_INLINE void stream(float* to) const { hn::Stream(v, Tag(), to); }
  HWY_INLINE void store_first(float* to, int64_t count) const {
    hn::BlendedStore(v, hn::FirstN(Tag(), static_cast<size_t>(count)), Tag(), to);
  }
  HWY_INLINE void store_up_to(float* to, int64_t count) const { count < kLanes ? store_first(to, count) : store(to); }
  /// Those of the lanes [begin, end) that there are; the others become 0.
  HWY_INLINE Word keep_between(int64_t begin, int64_t end) const { return hn::IfThenElseZero(between(begin, end), v); }
  HWY_INLINE float sum() const { return hn::GetLane(hn::SumOfLanes(Tag(), v)); }
  HWY_INLINE float largest() const { return hn::GetLane(hn::MaxOfLanes(Tag(), v)); }

 private:
  static HWY_INLINE hn::Mask<Tag> between(int64_t begin, int64_t end) {
    const auto lanes = hn::Iota(IntTag(), 0);
    return hn::RebindMask(Tag(), hn::And(hn::Gt(lanes, hn::Set(IntTag(), static_cast<int32_t>(begin - 1))),
                                         hn::Lt(lanes, hn::Set(IntTag(), static_cast<int32_t>(end)))));
  }
};

HWY_INLINE Word operator+(Word x, Word y) { return hn::Add(x.v, y.v); }
HWY_INLINE Word operator-(Word x, Word y) { return hn::Sub(x.v, y.v); }
HWY_INLINE Word operator*(Word x, Word y) { return hn::Mul(x.v, y.v); }
HWY_INLINE Word operator/(Word x, Word y) { return hn::Div(x.v, y.v); }
HWY_INLINE Word abs(Word x) { return hn::Abs(x.v); }
HWY_INLINE Word max(Word x, Word y) { return hn::Max(x.v, y.v); }
HWY_INLINE Word min(Word x, Word y) { return hn::Min(x.v, y.v); }
HWY_INLINE Word sqrt(Word x) { return hn::Sqrt(x.v); }
/// x y + z, fused where the instruction set can.
HWY_INLINE Word multiply_add(Word x, Word y, Word z) { return hn::MulAdd(x.v, y.v, z.v); }
HWY_INLINE Word select_greater(Word x, Word y, Word a, Word b) { return hn::IfThenElse(hn::Gt(x.v, y.v), a.v, b.v); }

/// -1, 0 or 1; NaN for NaN.
HWY_INLINE Word sign(Word x) {
#if HWY_TARGET == HWY_AVX3
  const __m512i by_class = _mm512_set1_epi32(static_cast<int>(0xA9A9A822));  // one instruction looks the answer up
  return hn::Vec<Word::Tag>{_mm512_fixupimm_ps(x.v.raw, x.v.raw, by_class, 0)};
#else
  const Word zero(0.0f);
  return select_greater(x, zero, Word(1.0f), select_greater(zero, x, Word(-1.0f), x * zero));
#endif
}

/// A yes or no for every lane.
struct Condition {
  hn::Mask<Word::Tag> mask;
};

HWY_INLINE Condition operator>(Word x, Word y) { return {hn::Gt(x.v, y.v)}; }
HWY_INLINE Condition operator!=(Word x, Word y) { return {hn::Ne(x.v, y.v)}; }
HWY_INLINE Condition operator&(Condition a, Condition b) { return {hn::And(a.mask, b.mask)}; }
HWY_INLINE Condition operator|(Condition a, Condition b) { return {hn::Or(a.mask, b.mask)}; }
using wasserkern::all;
HWY_INLINE bool all(Condition condition) { return hn::AllTrue(Word::Tag(), condition.mask); }

}  // namespace wasserkern::WASSERKERN_ISA
