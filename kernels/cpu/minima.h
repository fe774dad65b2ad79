#pragma once

#include <cstdint>

#include "kernels/cpu/simd.h"

namespace wasserkern {

/// The minimum so far and its place, for every column.
struct Minima {
  float* best;
  int32_t* place;
};

/// Whether a candidate that comes later takes the place of the best: less, or the first NaN. Static: sources compiled
/// per instruction set must not share it.
static inline bool replaces(float value, float best) { return !(value >= best) && best == best; }

/// out and argmin from the minima over consecutive parts of the candidates; those of a part start `apart` elements
/// after those of the part before.
static inline void merge_minima(int parts, int64_t apart, Minima minima, int64_t columns, float* out, int32_t* argmin) {
  for (int64_t column = 0; column < columns; ++column) {
    int64_t winner = column;
    for (int64_t other = column + apart; other < parts * apart; other += apart)
      if (replaces(minima.best[other], minima.best[winner])) winner = other;
    out[column] = minima.best[winner];
    argmin[column] = minima.place[winner];
  }
}

}  // namespace wasserkern

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// Minima of a word of columns, whose candidates come in order.
class WordMinima {
 public:
  HWY_INLINE explicit WordMinima(Minima from)
      : best_(hn::Load(Word::Tag(), from.best)), place_(hn::Load(Word::IntTag(), from.place)) {}

  /// As `replaces`, lane by lane: ties keep the lowest place.
  HWY_INLINE void take(Word value, int64_t place) {
    constexpr Word::IntTag int_tag;
    const auto wins = hn::AndNot(hn::Ge(value.v, best_), hn::Eq(best_, best_));
    best_ = hn::IfThenElse(wins, value.v, best_);
    place_ = hn::IfThenElse(hn::RebindMask(int_tag, wins), hn::Set(int_tag, static_cast<int32_t>(place)), place_);
  }

  HWY_INLINE void store(Minima to) const {
    hn::Store(best_, Word::Tag(), to.best);
    hn::Store(place_, Word::IntTag(), to.place);
  }

 private:
  hn::Vec<Word::Tag> best_;
  hn::Vec<Word::IntTag> place_;
};

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
