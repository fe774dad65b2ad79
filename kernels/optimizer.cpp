#include "kernels/optimizer.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd.h"

WASSERKERN_PER_ISA(                                                                                               //
    void adam_kernel(int threads, AdamRule rule, float rate, float correction1, float correction2, int64_t size,  //
                     const float* gradient, float* first, float* second, float* parameter);                       //
    void rmsprop_kernel(int threads, RmsPropRule rule, float rate, int64_t size, const float* gradient,           //
                        float* square, float* parameter);                                                         //
    void exponential_average_kernel(int threads, float decay, int64_t size, const float* x, float* average);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kGrain = 16384;

/// Calls `body(i, load, store)` over [0, size), where load(p) and store(p, word) touch the lanes from p[i] that exist.
template <class Body>
HWY_INLINE void for_each_word(int threads, int64_t size, Body body) {
  parallel_ranges(threads, size, kGrain, [=](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + Word::kLanes <= end; i += Word::kLanes)
      body([i](const float* p) { return Word::load(p + i); }, [i](float* p, Word word) { word.store(p + i); });
    const int64_t left = end - i;
    if (left > 0)
      body([=](const float* p) { return Word::load_first(p + i, left); },
           [=](float* p, Word word) { word.store_first(p + i, left); });
  });
}

}  // namespace

void adam_kernel(int threads, AdamRule rule, float rate, float correction1, float correction2, int64_t size,
                 const float* gradient, float* first, float* second, float* parameter) {
  const Word beta1(rule.beta1), beta2(rule.beta2), rest1(1 - rule.beta1), rest2(1 - rule.beta2);
  const Word epsilon(rule.epsilon), step(rate * correction1), correction(correction2);
  for_each_word(threads, size, [=](auto load, auto store) {
    const Word g = load(gradient);
    const Word m = beta1 * load(first) + rest1 * g;
    const Word v = beta2 * load(second) + rest2 * (g * g);
    store(first, m);
    store(second, v);
    store(parameter, load(parameter) - step * m / (sqrt(v * correction) + epsilon));
  });
}

void rmsprop_kernel(int threads, RmsPropRule rule, float rate, int64_t size, const float* gradient, float* square,
                    float* parameter) {
  const Word decay(rule.decay), rest(1 - rule.decay), epsilon(rule.epsilon), step(rate);
  for_each_word(threads, size, [=](auto load, auto store) {
    const Word g = load(gradient);
    const Word s = decay * load(square) + rest * (g * g);
    store(square, s);
    store(parameter, load(parameter) - step * g / (sqrt(s) + epsilon));
  });
}

void exponential_average_kernel(int threads, float decay, int64_t size, const float* x, float* average) {
  const Word rest(1 - decay);
  for_each_word(threads, size, [=](auto load, auto store) {
    const Word before = load(average);
    store(average, before + rest * (load(x) - before));
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void adam(CpuStream& stream, AdamRule rule, Vector<const float> rate, Vector<const float> gradient,
          Vector<double> powers, Vector<float> first, Vector<float> second, Vector<float> parameter) {
  check_adam(rate, gradient, powers, first, second, parameter);
  powers.data[0] *= rule.beta1;
  powers.data[1] *= rule.beta2;
  WASSERKERN_SIMD(adam_kernel)
  (stream.threads(), rule, rate.data[0], static_cast<float>(1 / (1 - powers.data[0])),
   static_cast<float>(1 / (1 - powers.data[1])), parameter.size, gradient.data, first.data, second.data,
   parameter.data);
}

void rmsprop(CpuStream& stream, RmsPropRule rule, Vector<const float> rate, Vector<const float> gradient,
             Vector<float> square, Vector<float> parameter) {
  check_rmsprop(rate, gradient, square, parameter);
  WASSERKERN_SIMD(rmsprop_kernel)
  (stream.threads(), rule, rate.data[0], parameter.size, gradient.data, square.data, parameter.data);
}

void exponential_average(CpuStream& stream, float decay, Vector<const float> x, Vector<float> average) {
  check_equal("exponential_average: size of x", x.size, average.size);
  WASSERKERN_SIMD(exponential_average_kernel)(stream.threads(), decay, average.size, x.data, average.data);
}

}  // namespace wasserkern

#endif
