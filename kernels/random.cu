#include "kernels/random.h"

#include <string>

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/philox.h"

namespace wasserkern {
namespace {

/// What becomes of the four words of one counter; `at` is the first element they serve.
struct Raw {
  using Element = uint32_t;
  __device__ __forceinline__ uint4 operator()(philox::Words x, int64_t, int64_t) const {
    return {x.w0, x.w1, x.w2, x.w3};
  }
};

__device__ __forceinline__ float4 uniforms(philox::Words x) {
  return {philox::uniform(x.w0), philox::uniform(x.w1), philox::uniform(x.w2), philox::uniform(x.w3)};
}

struct Uniform {
  using Element = float;
  __device__ __forceinline__ float4 operator()(philox::Words x, int64_t, int64_t) const { return uniforms(x); }
};

struct Normal {
  using Element = float;
  __device__ __forceinline__ float4 operator()(philox::Words x, int64_t, int64_t) const {
    const philox::Normals low = philox::normals(x.w0, x.w1), high = philox::normals(x.w2, x.w3);
    return {low.cosine, low.sine, high.cosine, high.sine};
  }
};

struct Dropout {
  using Element = float;
  float rate;
  const float* x;
  bool aligned;

  __device__ __forceinline__ float4 operator()(philox::Words words, int64_t at, int64_t size) const {
    const auto from = cuda::Pack<4>::load_up_to(x + at, size - at, aligned);
    const float4 u = uniforms(words);
    return {kept(u.x, from[0]), kept(u.y, from[1]), kept(u.z, from[2]), kept(u.w, from[3])};
  }
  __device__ __forceinline__ float kept(float u, float from) const { return u >= rate ? from / (1 - rate) : 0.0f; }
};

/// A thread takes a counter and stores its four elements at once. The limit of words (21 instructions per element on
/// sm_80), uniforms (27) and dropout (50, for it divides) is memory, 4 bytes per element and as many for what dropout
/// reads; that of normals (65) is arithmetic.
template <class Quad, class Function>
__global__ void draw_kernel(Draw draw, Function f, typename Function::Element* out, int64_t size, bool wide) {
  const philox::Source source(draw.seed, *draw.step, draw.op);
  const int64_t counters = (size + 3) / 4;
  for (int64_t i = cuda::grid_thread(); i < counters; i += cuda::grid_threads()) {
    const int64_t at = 4 * i;
    const Quad y = f(philox::words(source, static_cast<uint32_t>(i)), at, size);
    if (wide && at + 4 <= size) {
      *reinterpret_cast<Quad*>(out + at) = y;
      continue;
    }
    out[at] = y.x;
    if (at + 1 < size) out[at + 1] = y.y;
    if (at + 2 < size) out[at + 2] = y.z;
    if (at + 3 < size) out[at + 3] = y.w;
  }
}

template <class Quad, class Function>
void run(CudaStream& stream, Draw draw, Function f, Vector<typename Function::Element> out) {
  constexpr int kThreads = 256;
  if (out.size == 0) return;
  cuda::launch(stream, draw_kernel<Quad, Function>, cuda::blocks_for(stream, cuda::ceil_div(out.size, 4), kThreads),
               kThreads, draw, f, out.data, out.size, cuda::packable(out.data));
}

}  // namespace

void random_words(CudaStream& stream, Draw draw, Vector<uint32_t> out) { run<uint4>(stream, draw, Raw{}, out); }

void uniform(CudaStream& stream, Draw draw, Vector<float> out) { run<float4>(stream, draw, Uniform{}, out); }

void normal(CudaStream& stream, Draw draw, Vector<float> out) { run<float4>(stream, draw, Normal{}, out); }

void dropout(CudaStream& stream, Draw draw, float rate, Vector<const float> x, Vector<float> y) {
  check_dropout(rate, x, y);
  run<float4>(stream, draw, Dropout{rate, x.data, cuda::packable(x.data)}, y);
}

}  // namespace wasserkern
