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

  /// The cost of a pair.
  template <class V>
  WASSERKERN_INLINE V finish(V sum, float unit) const {
    if (p == 1 && q == 1 && unit == 1) return sum;
    if (p == q && unit == 1) return sum / V(p);
    return raised(distance(sum, unit), p) / V(p);
  }

  /// Derivatives in y of one pair: gradient = first * normal, Hessian = second * normal normal^T + diag(curvature).
  /// With d the distance and t = y - x: normal_k = sign(t_k) (|t_k|/d)^(q-1), first = d^(p-1), second = (p-q) d^(p-2),
  /// curvature_k = (q-1) (|t_k|/d)^(q-2) d^(p-2). All are 0 where they are undefined: at d = 0, and at t_k = 0.
  struct Slope {
    float q;
    float reciprocal_unit;  // applied first: a subnormal distance has no reciprocal
    float reciprocal;       // unit / d
    float first;
    float second;
    float bend;  // (q-1) d^(p-2)

    template <class V>
    WASSERKERN_INLINE V normal(V x, V y) const {
      const V t = (y - x) * V(reciprocal_unit);
      if constexpr (E == Exponent::Two) return t * V(reciprocal);
      V size = V(1.0f);
      if constexpr (E == Exponent::General) size = power(abs(t) * V(reciprocal), V(q - 1));
      return select_greater(t, V(0.0f), size, select_greater(V(0.0f), t, V(0.0f) - size, t * V(0.0f)));
    }

    template <class V>
    WASSERKERN_INLINE V curvature(V x, V y) const {
      if constexpr (E == Exponent::One) return V(0.0f);
      if constexpr (E == Exponent::Two) return V(bend);
      if constexpr (E == Exponent::General) {
        const V ratio = abs((y - x) * V(reciprocal_unit)) * V(reciprocal);
        return select_greater(ratio, V(0.0f), V(bend) * power(ratio, V(q - 2)), V(0.0f));
      }
    }
  };

  WASSERKERN_INLINE Slope slope(float sum, float unit) const {
    const float in_units = distance(sum, 1);
    const float d = in_units * unit;
    const bool apart = d > 0 || d != d;
    const float flat = p == 2 ? 1.0f : apart ? raised(d, p - 2) : 0.0f;  // d^(p-2)
    return {q,
            1 / unit,
            in_units > 0 || in_units != in_units ? 1 / in_units : 0.0f,
            p == 1 ? (apart ? 1.0f : 0.0f) : raised(d, p - 1),
            p == q ? 0.0f : (p - q) * flat,
            E == Exponent::One ? 0.0f : (q - 1) * flat};
  }

 private:
  /// base^exponent, exactly where that is cheap.
  template <class V>
  static WASSERKERN_INLINE V raised(V base, float exponent) {
    if (exponent == 0) return V(1.0f);
    if (exponent == 1) return base;
    if (exponent == 2) return base * base;
    return power(base, V(exponent));
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
