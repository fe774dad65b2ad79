#include "kernels/elementwise.h"

#include <hwy/contrib/math/math-inl.h>

#include <cmath>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd.h"

WASSERKERN_PER_ISA(                                                                                         //
    void unary_kernel(int threads, UnaryFunction function, const float* x, int64_t size, float* y);         //
    void binary_kernel(int threads, BinaryFunction function, Broadcast x, Broadcast y, Matrix<float> out);  //
    void accumulate_kernel(int threads, const float* x, int64_t size, float* y);                            //
    void broadcast_kernel(int threads, Broadcast x, Matrix<float> out);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kGrain = 16384;  // elements worth a thread

/// y_i = f(x_i).
template <class Function>
HWY_INLINE void map(int threads, const float* x, int64_t size, float* y, Function f) {
  parallel_ranges(threads, size, kGrain, [=](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + Word::kLanes <= end; i += Word::kLanes) f(Word::load(x + i)).store(y + i);
    if (i < end) f(Word::load_first(x + i, end - i)).store_first(y + i, end - i);
  });
}

/// One row of out = f(x, y); an operand is either a row or one value.
template <bool kXVaries, bool kYVaries, class Function>
HWY_INLINE void map_row(const float* x, const float* y, float* out, int64_t columns, Function f) {
  int64_t j = 0;
  for (; j + Word::kLanes <= columns; j += Word::kLanes) {
    const Word a = kXVaries ? Word::load(x + j) : Word(*x);
    const Word b = kYVaries ? Word::load(y + j) : Word(*y);
    f(a, b).store(out + j);
  }
  if (j < columns) {
    const Word a = kXVaries ? Word::load_first(x + j, columns - j) : Word(*x);
    const Word b = kYVaries ? Word::load_first(y + j, columns - j) : Word(*y);
    f(a, b).store_first(out + j, columns - j);
  }
}

template <bool kXVaries, bool kYVaries, class Function>
HWY_INLINE void map_rows(int threads, Broadcast x, Broadcast y, Matrix<float> out, Function f) {
  const bool flat = (x.row_stride == out.columns || !kXVaries) && (y.row_stride == out.columns || !kYVaries) &&
                    (kXVaries || x.row_stride == 0) && (kYVaries || y.row_stride == 0);
  if (flat) {
    parallel_ranges(threads, out.rows * out.columns, kGrain, [=](int64_t begin, int64_t end) {
      map_row<kXVaries, kYVaries>(x.data + (kXVaries ? begin : 0), y.data + (kYVaries ? begin : 0), out.data + begin,
                                  end - begin, f);
    });
    return;
  }
  const int64_t rows_per_grain = kGrain / (out.columns + 1) + 1;
  parallel_ranges(threads, out.rows, rows_per_grain, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      map_row<kXVaries, kYVaries>(x.data + i * x.row_stride, y.data + i * y.row_stride, out.data + i * out.stride,
                                  out.columns, f);
  });
}

template <class Function>
HWY_INLINE void map_pairs(int threads, Broadcast x, Broadcast y, Matrix<float> out, Function f) {
  if (x.column_stride && y.column_stride) return map_rows<true, true>(threads, x, y, out, f);
  if (x.column_stride) return map_rows<true, false>(threads, x, y, out, f);
  if (y.column_stride) return map_rows<false, true>(threads, x, y, out, f);
  return map_rows<false, false>(threads, x, y, out, f);
}

HWY_INLINE Word clamp(Word x, Word low, Word high) {
  return select_greater(low, x, low, select_greater(x, high, high, x));
}

/// Highway's exponential loses NaN.
HWY_INLINE Word exponential(Word x) { return hn::IfThenElse(hn::Eq(x.v, x.v), hn::Exp(Word::Tag(), x.v), x.v); }

/// Highway's logarithm is defined for positive finite numbers. At the others sqrt is what the logarithm is: NaN below
/// zero and for NaN, infinity for infinity; 0 is left.
HWY_INLINE Word logarithm(Word x) {
  const Word zero(0.0f), infinity(HUGE_VALF);
  const auto positive = hn::And(hn::Gt(x.v, zero.v), hn::Lt(x.v, infinity.v));
  const Word elsewhere = hn::IfThenElse(hn::Eq(x.v, zero.v), (zero - infinity).v, sqrt(x).v);
  return hn::IfThenElse(positive, hn::Log(Word::Tag(), x.v), elsewhere.v);
}

/// Only e^-|x| is taken, which cannot overflow.
HWY_INLINE Word softplus(Word x) {
  const Word zero(0.0f);
  const Word beyond = hn::Log1p(Word::Tag(), exponential(zero - abs(x)).v);
  return select_greater(x, zero, x, zero) + beyond;
}

HWY_INLINE Word sigmoid(Word x) {
  const Word zero(0.0f), one(1.0f);
  const Word e = exponential(zero - abs(x));
  return select_greater(x, zero, one, e) / (one + e);
}

}  // namespace

void unary_kernel(int threads, UnaryFunction function, const float* x, int64_t size, float* y) {
  using Kind = UnaryFunction::Kind;
  const Word a(function.a), b(function.b), zero(0.0f), one(1.0f);
  const Word::Tag tag;
  const auto run = [=](auto f) { map(threads, x, size, y, f); };
  switch (function.kind) {
    case Kind::Affine: return run([=](Word t) { return multiply_add(t, a, b); });
    case Kind::Absolute: return run([=](Word t) { return abs(t); });
    case Kind::Sign: return run([=](Word t) { return sign(t); });
    case Kind::Square: return run([=](Word t) { return t * t; });
    case Kind::SquareRoot: return run([=](Word t) { return sqrt(t); });
    case Kind::Reciprocal: return run([=](Word t) { return one / t; });
    case Kind::Exponential: return run([=](Word t) { return exponential(t); });
    case Kind::Logarithm: return run([=](Word t) { return logarithm(t); });
    case Kind::Tanh: return run([=](Word t) { return Word(hn::Tanh(tag, t.v)); });
    case Kind::Softplus: return run([=](Word t) { return softplus(t); });
    case Kind::Sigmoid: return run([=](Word t) { return sigmoid(t); });
    case Kind::LeakyRelu: return run([=](Word t) { return select_greater(t, zero, t, a * t); });
    case Kind::Clamp: return run([=](Word t) { return clamp(t, a, b); });
    case Kind::Inside: return run([=](Word t) { return select_greater(t, a, select_greater(b, t, one, zero), zero); });
  }
}

void binary_kernel(int threads, BinaryFunction function, Broadcast x, Broadcast y, Matrix<float> out) {
  using Kind = BinaryFunction::Kind;
  const Word a(function.a), zero(0.0f), one(1.0f);
  const auto run = [=](auto f) { map_pairs(threads, x, y, out, f); };
  switch (function.kind) {
    case Kind::Add: return run([=](Word s, Word t) { return s + t; });
    case Kind::Subtract: return run([=](Word s, Word t) { return s - t; });
    case Kind::Multiply: return run([=](Word s, Word t) { return s * t; });
    case Kind::Divide: return run([=](Word s, Word t) { return s / t; });
    case Kind::LeakyReluGradient: return run([=](Word s, Word t) { return select_greater(t, zero, s, a * s); });
    case Kind::TanhGradient: return run([=](Word s, Word t) { return s * (one - t * t); });
  }
}

void accumulate_kernel(int threads, const float* x, int64_t size, float* y) {
  binary_kernel(threads, {BinaryFunction::Kind::Add}, {y, size, 1}, {x, size, 1}, {y, 1, size});
}

void broadcast_kernel(int threads, Broadcast x, Matrix<float> out) {
  map_pairs(threads, x, x, out, [](Word t, Word) { return t; });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include <cstring>

#include "kernels/check.h"

namespace wasserkern {

void unary(CpuStream& stream, UnaryFunction function, Vector<const float> x, Vector<float> y) {
  check_equal("unary: size of y", y.size, x.size);
  WASSERKERN_SIMD(unary_kernel)(stream.threads(), function, x.data, x.size, y.data);
}

void binary(CpuStream& stream, BinaryFunction function, Broadcast x, Broadcast y, Matrix<float> out) {
  check_equal("binary: row stride of out", out.stride, out.columns);
  WASSERKERN_SIMD(binary_kernel)(stream.threads(), function, x, y, out);
}

void accumulate(CpuStream& stream, Vector<const float> x, Vector<float> y) {
  check_equal("accumulate: size of y", y.size, x.size);
  WASSERKERN_SIMD(accumulate_kernel)(stream.threads(), x.data, x.size, y.data);
}

void fill(CpuStream& stream, float value, Vector<float> out) {
  WASSERKERN_SIMD(broadcast_kernel)(stream.threads(), {&value, 0, 0}, {out.data, 1, out.size});
}

void copy(CpuStream&, Vector<const float> x, Vector<float> y) {
  check_equal("copy: size of y", y.size, x.size);
  if (x.size > 0) std::memcpy(y.data, x.data, static_cast<size_t>(x.size) * sizeof(float));
}

void broadcast(CpuStream& stream, Broadcast x, Matrix<float> out) {
  check_equal("broadcast: row stride of out", out.stride, out.columns);
  WASSERKERN_SIMD(broadcast_kernel)(stream.threads(), x, out);
}

}  // namespace wasserkern

#endif
