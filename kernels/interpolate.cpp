#include "kernels/interpolate.h"

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/parallel.h"
#include "kernels/philox.h"

WASSERKERN_PER_ISA(  //
    void interpolate_kernel(int threads, Draw draw, Matrix<const float> x, Matrix<const float> y, Matrix<float> out);)

namespace wasserkern::WASSERKERN_ISA {

void interpolate_kernel(int threads, Draw draw, Matrix<const float> x, Matrix<const float> y, Matrix<float> out) {
  constexpr int64_t kGrain = 16384;  // elements worth a thread
  const philox::Source source(draw.seed, *draw.step, draw.op);
  parallel_ranges(threads, out.rows, kGrain / (out.columns + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float a = philox::uniform(philox::word(source, i));
      const float* x_row = x.data + i * x.stride;
      const float* y_row = y.data + i * y.stride;
      float* out_row = out.data + i * out.stride;
      for (int64_t k = 0; k < out.columns; ++k) out_row[k] = philox::between(a, x_row[k], y_row[k]);
    }
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void interpolate(CpuStream& stream, Draw draw, Matrix<const float> x, Matrix<const float> y, Matrix<float> out) {
  check_interpolate(x, y, out);
  WASSERKERN_SIMD(interpolate_kernel)(stream.threads(), draw, x, y, out);
}

}  // namespace wasserkern

#endif
