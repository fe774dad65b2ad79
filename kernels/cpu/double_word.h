#pragma once

#include "kernels/cpu/simd.h"

namespace wasserkern::WASSERKERN_ISA {

/// A SIMD vector of doubles, each of whose lanes can have a place.
struct DoubleWord {
  using Tag = hn::ScalableTag<double>;
  using PlaceTag = hn::RebindToSigned<Tag>;
  using FloatTag = hn::Rebind<float, Tag>;
  static constexpr int kLanes = HWY_LANES(double);

  hn::Vec<Tag> v;

  DoubleWord() = default;
  HWY_INLINE DoubleWord(hn::Vec<Tag> vector) : v(vector) {}
  HWY_INLINE explicit DoubleWord(double x) : v(hn::Set(Tag(), x)) {}

  static HWY_INLINE DoubleWord load(const double* from) { return hn::LoadU(Tag(), from); }
  static HWY_INLINE DoubleWord load_aligned(const double* from) { return hn::Load(Tag(), from); }
  /// As many floats.
  static HWY_INLINE DoubleWord load(const float* from) { return hn::PromoteTo(Tag(), hn::LoadU(FloatTag(), from)); }
  static HWY_INLINE DoubleWord load_aligned(const float* from) {
    return hn::PromoteTo(Tag(), hn::Load(FloatTag(), from));
  }
  HWY_INLINE void store(double* aligned) const { hn::Store(v, Tag(), aligned); }
  HWY_INLINE double least() const { return hn::GetLane(hn::MinOfLanes(Tag(), v)); }
  HWY_INLINE double sum() const { return hn::GetLane(hn::SumOfLanes(Tag(), v)); }
  HWY_INLINE double largest() const { return hn::GetLane(hn::MaxOfLanes(Tag(), v)); }
};

HWY_INLINE DoubleWord operator+(DoubleWord x, DoubleWord y) { return hn::Add(x.v, y.v); }
HWY_INLINE DoubleWord operator-(DoubleWord x, DoubleWord y) { return hn::Sub(x.v, y.v); }
HWY_INLINE DoubleWord operator*(DoubleWord x, DoubleWord y) { return hn::Mul(x.v, y.v); }
HWY_INLINE DoubleWord max(DoubleWord x, DoubleWord y) { return hn::Max(x.v, y.v); }
HWY_INLINE DoubleWord min(DoubleWord x, DoubleWord y) { return hn::Min(x.v, y.v); }
/// Whether x is at least y in all lanes; no NaN is.
HWY_INLINE bool all_at_least(DoubleWord x, DoubleWord y) { return hn::AllTrue(DoubleWord::Tag(), hn::Ge(x.v, y.v)); }

/// Stores `place` in the lanes where x is less than y.
HWY_INLINE void store_where_less(DoubleWord x, DoubleWord y, int64_t place, int64_t* aligned) {
  constexpr DoubleWord::PlaceTag tag;
  hn::BlendedStore(hn::Set(tag, place), hn::RebindMask(tag, hn::Lt(x.v, y.v)), tag, aligned);
}

namespace {

/// The least of many values, lane by lane, and their places. None is NaN.
class LeastOfLanes {
 public:
  HWY_INLINE LeastOfLanes()
      : least_(HUGE_VAL), place_(hn::Zero(DoubleWord::PlaceTag())), next_(hn::Iota(DoubleWord::PlaceTag(), 0)) {}

  /// The values of the next places.
  HWY_INLINE void take(DoubleWord value) {
    constexpr DoubleWord::PlaceTag tag;
    place_ = hn::IfThenElse(hn::RebindMask(tag, hn::Lt(value.v, least_.v)), next_, place_);
    least_ = min(least_, value);
    next_ = hn::Add(next_, hn::Set(tag, DoubleWord::kLanes));
  }

  HWY_INLINE DoubleWord of_lanes() const { return least_; }
  HWY_INLINE double value() const { return least_.least(); }
  /// The first lane whose least is `value`.
  HWY_INLINE int lane_of(double value) const {
    return static_cast<int>(hn::FindFirstTrue(DoubleWord::Tag(), hn::Eq(least_.v, DoubleWord(value).v)));
  }
  HWY_INLINE int32_t place_in(int lane) const {
    return static_cast<int32_t>(hn::ExtractLane(place_, static_cast<size_t>(lane)));
  }
  /// The least of lanes but one, which is infinite.
  HWY_INLINE DoubleWord of_lanes_but(int lane) const {
    constexpr DoubleWord::PlaceTag tag;
    const auto is_it = hn::Eq(hn::Iota(tag, 0), hn::Set(tag, lane));
    return hn::IfThenElse(hn::RebindMask(DoubleWord::Tag(), is_it), DoubleWord(HUGE_VAL).v, least_.v);
  }

 private:
  DoubleWord least_;
  hn::Vec<DoubleWord::PlaceTag> place_, next_;
};

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
