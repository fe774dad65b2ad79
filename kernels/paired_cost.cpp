#include "kernels/paired_cost.h"

#include "kernels/cpu/pair_sum.h"
#include "kernels/cpu/parallel.h"

WASSERKERN_PER_ISA(                                                                                             //
    void paired_cost_kernel(int threads, CostForm cost, Matrix<const float> x, Matrix<const float> y,           //
                            float* out);                                                                        //
    void paired_cost_gradient_kernel(int threads, CostForm cost, Matrix<const float> x, Matrix<const float> y,  //
                                     const float* scale, Matrix<float> out);                                    //
    void paired_cost_hessian_kernel(int threads, CostForm cost, Matrix<const float> x, Matrix<const float> y,   //
                                    const float* scale, Matrix<const float> direction, Matrix<float> out);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kGrain = 8192;  // coordinates worth a thread

/// Calls `body(cost, i)` for every row, with the specialised cost.
template <class Body>
HWY_INLINE void for_each_row(int threads, CostForm form, Matrix<const float> x, Body body) {
  visit_form(form, [=](const auto& cost) {
    parallel_ranges(threads, x.rows, kGrain / (x.columns + 1) + 1, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) body(cost, i);
    });
  });
}

/// out_k = f(x_k, y_k) over one row.
template <class Function>
HWY_INLINE void map_row(const float* x, const float* y, int64_t size, float* out, Function f) {
  for (int64_t k = 0; k < size; k += Word::kLanes)
    f(Word::load_up_to(x + k, size - k), Word::load_up_to(y + k, size - k)).store_up_to(out + k, size - k);
}

}  // namespace

void paired_cost_kernel(int threads, CostForm form, Matrix<const float> x, Matrix<const float> y, float* out) {
  for_each_row(threads, form, x, [=](const auto& cost, int64_t i) {
    const PairSum pair = pair_sum(cost, x.data + i * x.stride, y.data + i * y.stride, x.columns);
    out[i] = cost.finish(pair.sum, pair.unit);
  });
}

void paired_cost_gradient_kernel(int threads, CostForm form, Matrix<const float> x, Matrix<const float> y,
                                 const float* scale, Matrix<float> out) {
  for_each_row(threads, form, x, [=](const auto& cost, int64_t i) {
    const float* x_row = x.data + i * x.stride;
    const float* y_row = y.data + i * y.stride;
    const auto slope = slope_of(cost, x_row, y_row, x.columns);
    const Word factor(scale[i] * slope.first);
    map_row(x_row, y_row, x.columns, out.data + i * out.stride,
            [&](Word a, Word b) { return factor * cost.normal(slope, a, b); });
  });
}

void paired_cost_hessian_kernel(int threads, CostForm form, Matrix<const float> x, Matrix<const float> y,
                                const float* scale, Matrix<const float> direction, Matrix<float> out) {
  for_each_row(threads, form, x, [=](const auto& cost, int64_t i) {
    const float* x_row = x.data + i * x.stride;
    const float* y_row = y.data + i * y.stride;
    const float* direction_row = direction.data + i * direction.stride;
    float* out_row = out.data + i * out.stride;
    const auto slope = slope_of(cost, x_row, y_row, x.columns);

    Word along(0.0f);  // the direction's component along the normal
    if (slope.second != 0)
      for (int64_t k = 0; k < x.columns; k += Word::kLanes) {
        const int64_t left = x.columns - k;
        const Word normal = cost.normal(slope, Word::load_up_to(x_row + k, left), Word::load_up_to(y_row + k, left));
        along = multiply_add(normal, Word::load_up_to(direction_row + k, left), along);
      }
    const Word factor(scale[i]);
    const Word bend(slope.second * along.sum());
    for (int64_t k = 0; k < x.columns; k += Word::kLanes) {
      const int64_t left = x.columns - k;
      const Word a = Word::load_up_to(x_row + k, left);
      const Word b = Word::load_up_to(y_row + k, left);
      const Word curved = cost.curvature(slope, a, b) * Word::load_up_to(direction_row + k, left);
      (factor * multiply_add(bend, cost.normal(slope, a, b), curved)).store_up_to(out_row + k, left);
    }
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void paired_cost(CpuStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y, Vector<float> out) {
  check_paired_cost(x, y, out);
  with_cost_form(cost, [&](CostForm form) {
    WASSERKERN_SIMD(paired_cost_kernel)(stream.threads(), form, x, y, out.data);
  });
}

void paired_cost_gradient(CpuStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                          Vector<const float> scale, Matrix<float> out) {
  check_paired_cost_gradient(x, y, scale, out);
  with_cost_form(cost, [&](CostForm form) {
    WASSERKERN_SIMD(paired_cost_gradient_kernel)(stream.threads(), form, x, y, scale.data, out);
  });
}

void paired_cost_hessian(CpuStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                         Vector<const float> scale, Matrix<const float> direction, Matrix<float> out) {
  check_paired_cost_hessian(x, y, scale, direction, out);
  with_cost_form(cost, [&](CostForm form) {
    WASSERKERN_SIMD(paired_cost_hessian_kernel)(stream.threads(), form, x, y, scale.data, direction, out);
  });
}

}  // namespace wasserkern

#endif
