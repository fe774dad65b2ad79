#pragma once

#include <cstdint>

#include "kernels/cost/math.h"

namespace wasserkern {

/// The least costs of a column so far, ascending, and their rows; `step` elements from entry to entry. Rows must come
/// in order, so that ties keep the lowest. An entry that nothing has taken is infinity without a row.
struct NearestList {
  static constexpr int32_t kNobody = -1;

  float* values;
  int32_t* rows;
  int64_t step;
  int64_t size;

  WASSERKERN_INLINE void clear() const {
    for (int64_t at = 0; at < size; ++at) {
      values[at * step] = HUGE_VALF;
      rows[at * step] = kNobody;
    }
  }

  /// Whether `value` comes before one that stands in the list: less, or the NaN of the two.
  static WASSERKERN_INLINE bool precedes(float value, float standing) {
    return !(value >= standing) && standing == standing;
  }

  WASSERKERN_INLINE float last() const { return values[(size - 1) * step]; }

  /// Takes a row that precedes the last entry.
  WASSERKERN_INLINE void insert(float value, int32_t row) const {
    int64_t at = size - 1;
    for (; at > 0 && precedes(value, values[(at - 1) * step]); --at) {
      values[at * step] = values[(at - 1) * step];
      rows[at * step] = rows[(at - 1) * step];
    }
    values[at * step] = value;
    rows[at * step] = row;
  }

  /// Takes what is nearer in the list of later rows.
  WASSERKERN_INLINE void merge(const NearestList& later) const {
    for (int64_t at = 0; at < size && precedes(later.values[at * later.step], last()); ++at)
      insert(later.values[at * later.step], later.rows[at * later.step]);
  }

  WASSERKERN_INLINE bool holds(int32_t row) const {
    for (int64_t at = 0; at < size; ++at)
      if (rows[at * step] == row) return true;
    return false;
  }

  /// Gives entries without a row the lowest ones that are not listed: all that never came in are at cost infinity.
  WASSERKERN_INLINE void complete() const {
    int32_t row = 0;
    for (int64_t at = 0; at < size; ++at) {
      if (rows[at * step] != kNobody) continue;
      while (holds(row)) ++row;
      rows[at * step] = row++;
    }
  }
};

}  // namespace wasserkern
