#pragma once

#include <string>
#include <vector>

#include "kernels/cost/forms.h"
#include "kernels/cost/math.h"
#include "kernels/error.h"

namespace wasserkern {

/// Which q pays for code of its own.
enum class Exponent { One, Two, General };

template <Exponent E>
struct Lq;

/// c(x, y) = |x - y|_q^p / p over all coordinates, q >= 1, p >= 1. Paper 000, eq. 15.
struct LqCost {
  float q = 2;
  float p = 2;

  /// What `specialise` may hand to a kernel.
  using Forms = CostForms<Lq<Exponent::One>, Lq<Exponent::Two>, Lq<Exponent::General>>;

  std::string name() const { return "lq(q=" + std::to_string(q) + ",p=" + std::to_string(p) + ")"; }

  /// Throws UsageError unless q and p are finite and at least 1.
  void check() const {
    if (!(q >= 1) || !(p >= 1) || std::isinf(q) || std::isinf(p))
      throw UsageError("ground cost " + name() + ": q and p must be finite and at least 1");
  }

  /// What tests and benchmarks run.
  static std::vector<LqCost> samples() { return {{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1.2f, 1.2f}, {3, 5}}; }
};

/// LqCost inside a kernel. A pair is summed up as s = sum_k term(x_k, y_k) in units of u = 1. Where `trusted(s)` fails,
/// s = sum_k term(0, (y_k - x_k) / u) with u = unit_near(max_k |y_k - x_k|), so that no distance in float's range is
/// lost. V is float or a SIMD vector; term(0, 0) is 0, so that kernels may pad.
template <Exponent E>
struct Lq {
  float q;
  float p;

  /// Whether a sum is |x - y|^2: then a matrix product can rule out pairs, provided that `finish` grows with the sum.
  static constexpr bool kOfSquaredDistance = E == Exponent::Two;
  /// Whether a term is two or three instructions.
  static constexpr bool kLightTerm = E != Exponent::General;

  template <class V>
  WASSERKERN_INLINE V term(V x, V y) const {
    const V t = abs(y - x);
    if constexpr (E == Exponent::One) return t;
    if constexpr (E == Exponent::Two) return t * t;
    if constexpr (E == Exponent::General) return power(t, V(q));
  }

  /// sum + term(x, y).
  template <class V>
  WASSERKERN_INLINE V add_term(V sum, V x, V y) const {
    if constexpr (E == Exponent::Two) {
      const V t = y - x;
      return multiply_add(t, t, sum);
    } else {
      return sum + term(x, y);
    }
  }

  /// Whether a sum with unit 1 is neither overflowed nor eaten by underflow; lane by lane for a SIMD vector.
  template <class V>
  WASSERKERN_INLINE auto trusted(V sum) const {
    if constexpr (E == Exponent::One) return true;
    if constexpr (E != Exponent::One) return ((sum > V(1e-24f)) & (V(1e37f) > sum)) | (sum != sum);
  }

  /// |x - y|_q.
  template <class V>
  WASSERKERN_INLINE V distance(V sum, float unit) const {
    if constexpr (E == Exponent::One) return sum * V(unit);
    if constexpr (E == Exponent::Two) return sqrt(sum) * V(unit);
    if constexpr (E == Exponent::General) return power(sum, V(1 / q)) * V(unit);
  }

  /// Where it is above 0, the cost of a pair is this times the sum. Optional.
  WASSERKERN_INLINE float proportion() const { return p == q ? 1 / p : 0; }

  /// The cost of a pair.
  template <class V>
  WASSERKERN_INLINE V finish(V sum, float unit) const {
    if (p == q && unit == 1) return sum * V(proportion());
    return raised(distance(sum, unit), p) * V(1 / p);
  }

  /// Derivatives in y of one pair: gradient = first * normal, Hessian = second * normal normal^T + diag(curvature).
  /// With d the distance and t = y - x: normal_k = sign(t_k) (|t_k|/d)^(q-1), first = d^(p-1), second = (p-q) d^(p-2),
  /// curvature_k = (q-1) (|t_k|/d)^(q-2) d^(p-2). All are 0 where they are undefined: at d = 0, and at t_k = 0.
  /// S is float, or a SIMD vector of pairs; a Slope holds nothing but values of S.
  template <class S>
  struct Slope {
    S reciprocal_unit;  // applied first: a subnormal distance has no reciprocal
    S reciprocal;       // unit / d
    S first;
    S second;
    S bend;  // (q-1) d^(p-2)
  };

  /// Whether slopes depend on the pair. Where they do not, slope(1, 1) serves all: for p = q distances cancel.
  WASSERKERN_INLINE bool slope_needs_sum() const { return p != q; }

  template <class S>
  WASSERKERN_INLINE Slope<S> slope(S sum, float unit) const {
    const S in_units = distance(sum, 1);
    const S d = in_units * S(unit);
    const S flat = p == 2 ? S(1.0f) : where_positive(d, raised(d, p - 2));
    return {S(1 / unit), where_positive(in_units, S(1.0f) / in_units),
            p == 1 ? where_positive(d, S(1.0f)) : raised(d, p - 1), p == q ? S(0.0f) : S(p - q) * flat,
            E == Exponent::One ? S(0.0f) : S(q - 1) * flat};
  }

  template <class S, class V>
  WASSERKERN_INLINE V normal(const Slope<S>& slope, V x, V y) const {
    const V t = (y - x) * V(slope.reciprocal_unit);
    if constexpr (E == Exponent::Two) return t * V(slope.reciprocal);
    if constexpr (E == Exponent::One) return sign(t);
    if constexpr (E == Exponent::General) return sign(t) * power(abs(t) * V(slope.reciprocal), V(q - 1));
  }

  /// The chain rule, for sums over many pairs: (d/dy_k) c = outer_derivative(s) inner_derivative(x_k, y_k) where the
  /// sum s is trusted; where slope_needs_sum() is false the outer derivative is 1. Optional: without these two such
  /// sums are made from slope and normal, which is slower.
  template <class V>
  WASSERKERN_INLINE V outer_derivative(V sum) const {
    if constexpr (E == Exponent::One) return raised(sum, p - 1);
    if constexpr (E == Exponent::Two) return p == 1 ? V(1.0f) / sqrt(sum) : raised(sum, (p - 2) / 2);
    if constexpr (E == Exponent::General) return raised(sum, (p - q) / q);
  }

  template <class V>
  WASSERKERN_INLINE V inner_derivative(V x, V y) const {
    const V t = y - x;
    if constexpr (E == Exponent::One) return sign(t);
    if constexpr (E == Exponent::Two) return t;
    if constexpr (E == Exponent::General) return sign(t) * power(abs(t), V(q - 1));
  }

  template <class S, class V>
  WASSERKERN_INLINE V curvature(const Slope<S>& slope, V x, V y) const {
    if constexpr (E == Exponent::One) return V(0.0f);
    if constexpr (E == Exponent::Two) return V(slope.bend);
    if constexpr (E == Exponent::General) {
      const V ratio = abs((y - x) * V(slope.reciprocal_unit)) * V(slope.reciprocal);
      return where_positive(ratio, V(slope.bend) * raised(ratio, q - 2));
    }
  }

 private:
  /// `value` where x > 0, else 0; NaN for NaN.
  template <class V>
  static WASSERKERN_INLINE V where_positive(V x, V value) {
    return select_greater(x, V(0.0f), value, x * V(0.0f));
  }

  /// base^exponent, exactly where that is cheap.
  template <class V>
  static WASSERKERN_INLINE V raised(V base, float exponent) {
    if (exponent == 0) return V(1.0f);
    if (exponent == 1) return base;
    if (exponent == 2) return base * base;
    if (exponent < 0) return V(1.0f) / power(base, V(-exponent));
    const V root = power(base, V(exponent / 2));  // its square may be subnormal, which powers need not be
    return root * root;
  }
};

/// Calls `kernel` with the Lq that serves this cost.
template <class Kernel>
decltype(auto) specialise(const LqCost& cost, Kernel&& kernel) {
  cost.check();
  if (cost.q == 1) return kernel(Lq<Exponent::One>{cost.q, cost.p});
  if (cost.q == 2) return kernel(Lq<Exponent::Two>{cost.q, cost.p});
  return kernel(Lq<Exponent::General>{cost.q, cost.p});
}

}  // namespace wasserkern
