#include "kernels/optimizer.h"

#include "kernels/contracts.h"
#include "kernels/cuda/map.cuh"

namespace wasserkern {
namespace {

constexpr int kThreads = 256;

/// What a step is the same in for all parameters.
struct AdamStep {
  float rate;        // with the first moment's correction
  float correction;  // of the second moment
};

/// One thread, for it takes doubles, which many GPUs are slow at; and a launch of its own, so that no block reads
/// powers that another has advanced.
__global__ void advance_kernel(AdamRule rule, const float* rate, double* powers, AdamStep* step) {
  powers[0] *= static_cast<double>(rule.beta1);
  powers[1] *= static_cast<double>(rule.beta2);
  *step = {*rate * static_cast<float>(1 / (1 - powers[0])), static_cast<float>(1 / (1 - powers[1]))};
}

/// Its limit is memory: 28 bytes per parameter.
template <int N>
__global__ void adam_kernel(AdamRule rule, const AdamStep* now, int64_t size, const float* gradient, float* first,
                            float* second, float* parameter) {
  using cuda::Pack;
  const AdamStep step = *now;
  const float rest1 = 1 - rule.beta1, rest2 = 1 - rule.beta2;
  cuda::for_each_pack<N>(size, cuda::grid_thread(), cuda::grid_threads(), [&]<int W>(cuda::Width<W>, int64_t at) {
    using P = Pack<W>;
    const P g = P::load(gradient + at);
    P m = P::load(first + at), v = P::load(second + at), x = P::load(parameter + at);
    for (int i = 0; i < W; ++i) {
      m[i] = rule.beta1 * m[i] + rest1 * g[i];
      v[i] = rule.beta2 * v[i] + rest2 * (g[i] * g[i]);
      x[i] -= step.rate * m[i] / (sqrtf(v[i] * step.correction) + rule.epsilon);
    }
    m.store(first + at);
    v.store(second + at);
    x.store(parameter + at);
  });
}

/// Its limit is memory: 20 bytes per parameter.
template <int N>
__global__ void rmsprop_kernel(RmsPropRule rule, const float* rate, int64_t size, const float* gradient, float* square,
                               float* parameter) {
  using cuda::Pack;
  const float step = *rate, rest = 1 - rule.decay;
  cuda::for_each_pack<N>(size, cuda::grid_thread(), cuda::grid_threads(), [&]<int W>(cuda::Width<W>, int64_t at) {
    using P = Pack<W>;
    const P g = P::load(gradient + at);
    P s = P::load(square + at), x = P::load(parameter + at);
    for (int i = 0; i < W; ++i) {
      s[i] = rule.decay * s[i] + rest * (g[i] * g[i]);
      x[i] -= step * g[i] / (sqrtf(s[i]) + rule.epsilon);
    }
    s.store(square + at);
    x.store(parameter + at);
  });
}

struct Averaged {
  float rest;
  __device__ __forceinline__ float operator()(float average, float x) const { return average + rest * (x - average); }
};

}  // namespace

void adam(CudaStream& stream, AdamRule rule, Vector<const float> rate, Vector<const float> gradient,
          Vector<double> powers, Vector<float> first, Vector<float> second, Vector<float> parameter) {
  check_adam(rate, gradient, powers, first, second, parameter);
  auto* step = static_cast<AdamStep*>(stream.workspace(sizeof(AdamStep)));
  cuda::launch(stream, advance_kernel, 1, 1, rule, rate.data, powers.data, step);
  if (parameter.size == 0) return;
  const bool wide = cuda::packable(gradient.data, first.data, second.data, parameter.data);
  const unsigned blocks = cuda::blocks_for(stream, cuda::ceil_div(parameter.size, wide ? 4 : 1), kThreads);
  cuda::launch(stream, wide ? adam_kernel<4> : adam_kernel<1>, blocks, kThreads, rule, step, parameter.size,
               gradient.data, first.data, second.data, parameter.data);
}

void rmsprop(CudaStream& stream, RmsPropRule rule, Vector<const float> rate, Vector<const float> gradient,
             Vector<float> square, Vector<float> parameter) {
  check_rmsprop(rate, gradient, square, parameter);
  if (parameter.size == 0) return;
  const bool wide = cuda::packable(gradient.data, square.data, parameter.data);
  const unsigned blocks = cuda::blocks_for(stream, cuda::ceil_div(parameter.size, wide ? 4 : 1), kThreads);
  cuda::launch(stream, wide ? rmsprop_kernel<4> : rmsprop_kernel<1>, blocks, kThreads, rule, rate.data, parameter.size,
               gradient.data, square.data, parameter.data);
}

void exponential_average(CudaStream& stream, float decay, Vector<const float> x, Vector<float> average) {
  check_equal("exponential_average: size of x", x.size, average.size);
  cuda::map(stream, Averaged{1 - decay}, {average.data, 1, average.size}, Broadcast{average.data, average.size, 1},
            Broadcast{x.data, x.size, 1});
}

}  // namespace wasserkern
