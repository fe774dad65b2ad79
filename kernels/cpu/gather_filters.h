#pragma once

#include "kernels/cpu/gather_pass.h"
#include "kernels/cpu/pack_columns.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// The filters of a pass as gather_block reads them: for every class and panel of outputs, the taps in the order of the
/// inputs that they meet, their channels, and side by side the panel's outputs; past the last some without meaning.

/// A panel of a convolution's filters: their own order, with filters for columns.
HWY_INLINE void pack_convolution_panel(const GatherPass& pass, FilterView<const float> w, int64_t panel,
                                       float* packed) {
  const Matrix<const float> filters{w.data, w.outputs, w.height * w.width * w.inputs};
  if (pass.words() == kLeastWords)
    pack_columns<kLeastWords * Word::kLanes>(filters, panel * kLeastWords * Word::kLanes, packed);
  else
    pack_columns<kMostWords * Word::kLanes>(filters, panel * kMostWords * Word::kLanes, packed);
}

/// The taps of a class of the transpose that meets inputs from the last to the first.
struct ClassTaps {
  const GatherAxis& axis;
  int64_t q;

  HWY_INLINE int64_t operator[](int64_t input) const { return q + (axis.taps_of(q) - 1 - input) * axis.classes; }
};

HWY_INLINE void pack_transposed_panel(const GatherPass& pass, FilterView<const float> w, int64_t row_class,
                                      int64_t column_class, int64_t panel, float* packed) {
  const ClassTaps row_taps{pass.rows, row_class}, column_taps{pass.columns, column_class};
  const int64_t width = pass.words() * Word::kLanes, first = panel * width, left = w.inputs - first;
  for (int64_t r = 0; r < pass.rows.taps_of(row_class); ++r)
    for (int64_t s = 0; s < pass.columns.taps_of(column_class); ++s)
      for (int64_t o = 0; o < w.outputs; ++o) {
        const float* from = w.data + ((o * w.height + row_taps[r]) * w.width + column_taps[s]) * w.inputs + first;
        for (int64_t at = 0; at < width; at += Word::kLanes)
          (at < left ? Word::load_up_to(from + at, left - at) : Word(0.0f)).store(packed + at);
        packed += width;
      }
}

/// The one panel of joined classes; where a class has no tap there are zeros.
HWY_INLINE void pack_joined_panel(const GatherPass& pass, FilterView<const float> w, float* packed) {
  const GatherAxis &rows = pass.rows, &columns = pass.columns;
  const int64_t width = pass.words() * Word::kLanes;
  for (int64_t a = 0; a < rows.reach(); ++a)
    for (int64_t b = 0; b < columns.reach(); ++b)
      for (int64_t o = 0; o < w.outputs; ++o, packed += width)
        for (int64_t at = 0; at < width; ++at) {
          const int64_t place = at / w.inputs, c = at % w.inputs;
          const int64_t r = place / columns.classes + (rows.reach() - 1 - a) * rows.classes;
          const int64_t s = place % columns.classes + (columns.reach() - 1 - b) * columns.classes;
          const bool exists = at < pass.outputs() && r < w.height && s < w.width;
          packed[at] = exists ? w.data[((o * w.height + r) * w.width + s) * w.inputs + c] : 0;
        }
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
