#include "kernels/layer_norm.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd.h"

WASSERKERN_PER_ISA(                                                                                                   //
    void layer_norm_kernel(int threads, float epsilon, float slope, Matrix<const float> x, Vector<const float> gain,  //
                           const float* shift, Matrix<float> y, float* mean, float* inverse_deviation);               //
    void layer_norm_gradient_kernel(int threads, Matrix<const float> x, const float* mean,                            //
                                    const float* inverse_deviation, Matrix<const float> gradient,                     //
                                    Matrix<float> out);                                                               //
    void layer_norm_hessian_kernel(int threads, Matrix<const float> x, const float* mean,                             //
                                   const float* inverse_deviation, Matrix<const float> gradient,                      //
                                   Matrix<const float> direction, Matrix<float> out);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kChunk = 1024;  // elements summed in float lanes before a double takes over
constexpr int64_t kGrain = 16384;

/// Several sums over a row.
template <int kCount>
struct Sums {
  double value[kCount];
  HWY_INLINE double operator[](int i) const { return value[i]; }
};

/// The sums to which add(load, sums) adds every word of a row, where load(p) takes the word from p.
template <int kCount, class Add>
HWY_INLINE Sums<kCount> row_sums(int64_t size, Add add) {
  Sums<kCount> totals = {};
  for (int64_t begin = 0; begin < size; begin += kChunk) {
    const int64_t end = size - begin < kChunk ? size : begin + kChunk;
    Word sums[2][kCount];  // two, for additions to overlap
    for (int k = 0; k < kCount; ++k) sums[0][k] = sums[1][k] = Word(0.0f);
    int64_t i = begin;
    for (; i + 2 * Word::kLanes <= end; i += 2 * Word::kLanes) {
      add([i](const float* p) { return Word::load(p + i); }, sums[0]);
      add([i](const float* p) { return Word::load(p + i + Word::kLanes); }, sums[1]);
    }
    for (; i < end; i += Word::kLanes) {
      const auto present = hn::FirstN(Word::Tag(), static_cast<size_t>(end - i));
      Word more[kCount];
      for (int k = 0; k < kCount; ++k) more[k] = Word(0.0f);
      add([=](const float* p) { return Word::load_up_to(p + i, end - i); }, more);
      for (int k = 0; k < kCount; ++k) sums[0][k] = sums[0][k] + Word(hn::IfThenElseZero(present, more[k].v));
    }
    for (int k = 0; k < kCount; ++k) totals.value[k] += (sums[0][k] + sums[1][k]).sum();
  }
  return totals;
}

/// out_i = f(load), word by word.
template <class Function>
HWY_INLINE void map_row(int64_t size, float* out, Function f) {
  int64_t i = 0;
  for (; i + Word::kLanes <= size; i += Word::kLanes)
    f([i](const float* p) { return Word::load(p + i); }).store(out + i);
  if (i < size) f([=](const float* p) { return Word::load_first(p + i, size - i); }).store_first(out + i, size - i);
}

template <class Body>
HWY_INLINE void for_each_row(int threads, Matrix<float> out, Body body) {
  parallel_ranges(threads, out.rows, kGrain / (out.columns + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

}  // namespace

// A row is taken from the caches for all passes but the first.

void layer_norm_kernel(int threads, float epsilon, float slope, Matrix<const float> x, Vector<const float> gain,
                       const float* shift, Matrix<float> y, float* mean, float* inverse_deviation) {
  for_each_row(threads, y, [=](int64_t row) {
    const float* from = x.data + row * x.stride;
    const auto size = static_cast<double>(x.columns);
    const auto total_about = [=](float about) {
      return row_sums<1>(x.columns, [=](auto load, Word* sums) { sums[0] = sums[0] + (load(from) - Word(about)); })[0];
    };
    const auto middle = static_cast<float>(*from + total_about(*from) / size);
    const double squares = row_sums<1>(x.columns, [=](auto load, Word* sums) {
      const Word apart = load(from) - Word(middle);
      sums[0] = multiply_add(apart, apart, sums[0]);
    })[0];
    const Word inverse(static_cast<float>(1 / __builtin_sqrt(squares / size + epsilon)));
    mean[row] = middle;
    inverse_deviation[row] = hn::GetLane(inverse.v);
    for (int64_t j = 0; j < x.columns; j += gain.size) {
      const float *part = from + j, *scale = gain.data;
      map_row(gain.size, y.data + row * y.stride + j, [=](auto load) {
        const Word value = multiply_add((load(part) - Word(middle)) * inverse, load(scale), load(shift));
        return select_greater(value, Word(0.0f), value, Word(slope) * value);
      });
    }
  });
}

void layer_norm_gradient_kernel(int threads, Matrix<const float> x, const float* mean, const float* inverse_deviation,
                                Matrix<const float> gradient, Matrix<float> out) {
  for_each_row(threads, out, [=](int64_t row) {
    const float *from = x.data + row * x.stride, *above = gradient.data + row * gradient.stride;
    const Word middle(mean[row]);
    const auto sums = row_sums<2>(out.columns, [=](auto load, Word* sums) {
      const Word g = load(above);
      sums[0] = sums[0] + g;
      sums[1] = multiply_add(g, load(from) - middle, sums[1]);
    });
    const double inverse = inverse_deviation[row], share = inverse / static_cast<double>(out.columns);
    const Word by_g(static_cast<float>(inverse)), by_x(static_cast<float>(-share * inverse * inverse * sums[1]));
    const Word offset(static_cast<float>(-share * sums[0]));
    map_row(out.columns, out.data + row * out.stride, [=](auto load) {
      return multiply_add(by_g, load(above), multiply_add(by_x, load(from) - middle, offset));
    });
  });
}

void layer_norm_hessian_kernel(int threads, Matrix<const float> x, const float* mean, const float* inverse_deviation,
                               Matrix<const float> gradient, Matrix<const float> direction, Matrix<float> out) {
  for_each_row(threads, out, [=](int64_t row) {
    const float *from = x.data + row * x.stride, *above = gradient.data + row * gradient.stride;
    const float* along = direction.data + row * direction.stride;
    const Word middle(mean[row]);
    const auto sums = row_sums<5>(out.columns, [=](auto load, Word* sums) {
      const Word g = load(above), h = load(along), apart = load(from) - middle;
      sums[0] = sums[0] + g;
      sums[1] = sums[1] + h;
      sums[2] = multiply_add(g, apart, sums[2]);
      sums[3] = multiply_add(h, apart, sums[3]);
      sums[4] = multiply_add(g, h, sums[4]);
    });
    const double inverse = inverse_deviation[row], share = 1 / static_cast<double>(out.columns);
    const double mean_g = share * sums[0], mean_h = share * sums[1];
    const double a = share * inverse * sums[2], b = share * inverse * sums[3], c = share * sums[4] - mean_g * mean_h;
    const double scale = -inverse * inverse;
    const Word by_x(static_cast<float>(scale * inverse * (c - 3 * a * b)));
    const Word by_h(static_cast<float>(scale * a)), by_g(static_cast<float>(scale * b));
    const Word offset(static_cast<float>(-scale * (a * mean_h + b * mean_g)));
    map_row(out.columns, out.data + row * out.stride, [=](auto load) {
      return multiply_add(by_x, load(from) - middle,
                          multiply_add(by_h, load(along), multiply_add(by_g, load(above), offset)));
    });
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/norm_contracts.h"

namespace wasserkern {

void layer_norm(CpuStream& stream, const LayerNorm& rule, Matrix<const float> x, Vector<const float> gain,
                Vector<const float> shift, Matrix<float> y, Vector<float> mean, Vector<float> inverse_deviation) {
  check_layer_norm(rule, x, gain, shift, y, mean, inverse_deviation);
  WASSERKERN_SIMD(layer_norm_kernel)
  (stream.threads(), rule.epsilon, slope_of(rule), x, gain, shift.data, y, mean.data, inverse_deviation.data);
}

void layer_norm_gradient(CpuStream& stream, Matrix<const float> x, Vector<const float> mean,
                         Vector<const float> inverse_deviation, Matrix<const float> gradient, Matrix<float> out) {
  check_layer_norm_gradient(x, mean, inverse_deviation, gradient, gradient, out);
  WASSERKERN_SIMD(layer_norm_gradient_kernel)
  (stream.threads(), x, mean.data, inverse_deviation.data, gradient, out);
}

void layer_norm_hessian(CpuStream& stream, Matrix<const float> x, Vector<const float> mean,
                        Vector<const float> inverse_deviation, Matrix<const float> gradient,
                        Matrix<const float> direction, Matrix<float> out) {
  check_layer_norm_gradient(x, mean, inverse_deviation, gradient, direction, out);
  WASSERKERN_SIMD(layer_norm_hessian_kernel)
  (stream.threads(), x, mean.data, inverse_deviation.data, gradient, direction, out);
}

}  // namespace wasserkern

#endif
