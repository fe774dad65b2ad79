#include "kernels/stencil.h"

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/parallel.h"

WASSERKERN_PER_ISA(  //
    void stencil_form_kernel(int threads, const Stencil& stencil, ImageView<const float> x,
                             ImageView<const float> g,                                                              //
                             float* form);                                                                          //
    void stencil_product_kernel(int threads, const Stencil& stencil, ImageView<const float> x, const float* scale,  //
                                ImageView<const float> g, float* product);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// body(i, j, count) for the runs of `count` values from i on whose neighbours are those from j on.
template <class Body>
void for_each_run(ImageView<const float> shape, const PixelEdge& edge, Body body) {
  const int64_t left = edge.right < 0 ? -edge.right : 0, right = edge.right > 0 ? edge.right : 0;
  const int64_t row = shape.width * shape.channels;
  const int64_t count = (shape.width - left - right) * shape.channels;
  if (count <= 0) return;
  for (int64_t y = 0; y + edge.down < shape.height; ++y) {
    const int64_t i = y * row + left * shape.channels;
    body(i, i + edge.down * row + edge.right * shape.channels, count);
  }
}

double total(const float* g, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += g[i];
  return sum;
}

}  // namespace

void stencil_form_kernel(int threads, const Stencil& stencil, ImageView<const float> x, ImageView<const float> g,
                         float* form) {
  const int64_t size = x.height * x.width * x.channels;
  parallel_ranges(threads, x.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float *u = x.data + n * size, *v = g.data + n * size;
      double sum = 0, squares = 0;
      for (const PixelEdge& edge : stencil.graph.edges()) {
        for_each_run(x, edge, [&](int64_t i, int64_t j, int64_t count) {
          float run = 0;
          for (int64_t k = 0; k < count; ++k) {
            const float difference = v[i + k] - v[j + k];
            run += difference * difference * (stencil.mass_scale * (u[i + k] + u[j + k]) + 2 * stencil.mass_offset);
          }
          sum += edge.weight * run;
        });
      }
      for (int64_t i = 0; i < size; ++i) squares += v[i] * v[i];
      const double all = total(v, size);
      form[n] = static_cast<float>(sum + stencil.identity * squares + stencil.total * all * all);
    }
  });
}

void stencil_product_kernel(int threads, const Stencil& stencil, ImageView<const float> x, const float* scale,
                            ImageView<const float> g, float* product) {
  const int64_t size = x.height * x.width * x.channels;
  parallel_ranges(threads, x.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const float *u = x.data + n * size, *v = g.data + n * size;
      float* out = product + n * size;
      const float all = stencil.total * static_cast<float>(total(v, size));
      for (int64_t i = 0; i < size; ++i) out[i] = scale[n] * (stencil.identity * v[i] + all);
      for (const PixelEdge& edge : stencil.graph.edges()) {
        for_each_run(x, edge, [&](int64_t i, int64_t j, int64_t count) {
          const auto flow = [&](int64_t k) {
            return scale[n] * edge.weight * (v[i + k] - v[j + k]) *
                   (stencil.mass_scale * (u[i + k] + u[j + k]) + 2 * stencil.mass_offset);
          };
          for (int64_t k = 0; k < count; ++k) out[i + k] += flow(k);
          for (int64_t k = 0; k < count; ++k) out[j + k] -= flow(k);
        });
      }
    }
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void stencil_form(CpuStream& stream, const Stencil& stencil, ImageView<const float> x, ImageView<const float> g,
                  Vector<float> form) {
  check_stencil(x, g, g, form);
  WASSERKERN_SIMD(stencil_form_kernel)(stream.threads(), stencil, x, g, form.data);
}

void stencil_product(CpuStream& stream, const Stencil& stencil, ImageView<const float> x, Vector<const float> scale,
                     ImageView<const float> g, ImageView<float> product) {
  check_stencil(x, g, product, scale);
  WASSERKERN_SIMD(stencil_product_kernel)(stream.threads(), stencil, x, scale.data, g, product.data);
}

}  // namespace wasserkern

#endif
