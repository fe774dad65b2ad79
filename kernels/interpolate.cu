#include "kernels/interpolate.h"

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/philox.h"

namespace wasserkern {
namespace {

constexpr int kThreads = 256;

/// Its limit is memory, 12 bytes per element; every thread draws its rows' numbers itself, a word of arithmetic for
/// each pack.
template <int N>
__global__ void interpolate_kernel(Draw draw, Matrix<const float> x, Matrix<const float> y, Matrix<float> out) {
  const philox::Source source(draw.seed, *draw.step, draw.op);
  const int64_t row_step = static_cast<int64_t>(gridDim.x) * blockDim.y;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y; i < out.rows; i += row_step) {
    const float a = philox::uniform(philox::word(source, i));
    cuda::for_each_pack<N>(out.columns, threadIdx.x, blockDim.x, [&]<int W>(cuda::Width<W>, int64_t column) {
      const auto from = cuda::Pack<W>::load(x.data + i * x.stride + column);
      const auto to = cuda::Pack<W>::load(y.data + i * y.stride + column);
      cuda::Pack<W> point;
      for (int k = 0; k < W; ++k) point[k] = philox::between(a, from[k], to[k]);
      point.store(out.data + i * out.stride + column);
    });
  }
}

}  // namespace

void interpolate(CudaStream& stream, Draw draw, Matrix<const float> x, Matrix<const float> y, Matrix<float> out) {
  check_interpolate(x, y, out);
  if (out.rows == 0 || out.columns == 0) return;
  const bool wide = cuda::packable(x, y, out);
  const dim3 threads = cuda::row_block(cuda::ceil_div(out.columns, wide ? 4 : 1), kThreads);
  cuda::launch(stream, wide ? interpolate_kernel<4> : interpolate_kernel<1>,
               cuda::blocks_for(stream, out.rows * threads.x, kThreads), threads, draw, x, y, out);
}

}  // namespace wasserkern
