#pragma once

#include "kernels/cost/forms.h"
#include "kernels/cost/math.h"

namespace wasserkern {

/// c(x, y) = sum_k h(y_k - x_k) inside a kernel, for an even function h with h(0) = 0 that has `value(t)`,
/// `derivative(t)` and `second_derivative(t)` as force-inlined templates over a value type V, which is float or a SIMD
/// vector, in the words of kernels/cost/math.h. What it gives at a kink is the subgradient taken there; it is to pass
/// NaN on. What the members mean is said at Lq, in kernels/cost/lq.h. Sums are taken in float's range as they come.
template <class Function>
struct CoordinateSum {
  Function h;

  template <class V>
  WASSERKERN_INLINE V term(V x, V y) const {
    return h.value(y - x);
  }

  template <class V>
  WASSERKERN_INLINE V add_term(V sum, V x, V y) const {
    return sum + term(x, y);
  }

  template <class V>
  WASSERKERN_INLINE bool trusted(V) const {
    return true;
  }

  WASSERKERN_INLINE float proportion() const { return 1; }

  template <class V>
  WASSERKERN_INLINE V finish(V sum, float) const {
    return sum;
  }

  template <class S>
  struct Slope {
    S first;
    S second;
  };

  WASSERKERN_INLINE bool slope_needs_sum() const { return false; }

  template <class S>
  WASSERKERN_INLINE Slope<S> slope(S, float) const {
    return {S(1.0f), S(0.0f)};
  }

  template <class S, class V>
  WASSERKERN_INLINE V normal(const Slope<S>&, V x, V y) const {
    return h.derivative(y - x);
  }

  template <class S, class V>
  WASSERKERN_INLINE V curvature(const Slope<S>&, V x, V y) const {
    return h.second_derivative(y - x);
  }

  template <class V>
  WASSERKERN_INLINE V outer_derivative(V) const {
    return V(1.0f);
  }

  template <class V>
  WASSERKERN_INLINE V inner_derivative(V x, V y) const {
    return h.derivative(y - x);
  }
};

}  // namespace wasserkern
