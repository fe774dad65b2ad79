#include "bench/kernels/limits.h"

#include "kernels/cpu/byte_word.h"
#include "kernels/cpu/cost_form.h"

// What one thread does in a burst; returns the amount of work.
WASSERKERN_PER_ISA(                                                //
    double multiply_add_burst(int64_t rounds);                     //
    double term_burst(wasserkern::CostForm cost, int64_t rounds);  //
    double byte_term_burst(int64_t rounds);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int kChains = Word::kLanes == 16 ? 16 : 8;  // sums at once: as many as hide the latency and fit registers

/// Keeps the compiler from knowing a register's value, at no cost.
template <class Register>
HWY_INLINE void forget(Register& value) {
#if HWY_ARCH_X86
  __asm__ volatile("" : "+v"(value));
#else
  __asm__ volatile("" : "+w"(value));
#endif
}
HWY_INLINE void forget(Word& word) { forget(word.v.raw); }

/// sum = f(sum, x, y) for `rounds` rounds of kChains words.
template <class Function>
HWY_INLINE double accumulate(int64_t rounds, Function f) {
  Word sums[kChains];
  for (int chain = 0; chain < kChains; ++chain) sums[chain] = Word(0.0f);
  Word x(0.7f);
  const Word y(0.3f);
  for (int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
    for (int chain = 0; chain < kChains; ++chain) {
      forget(x);  // or all sums would share one term
      sums[chain] = f(sums[chain], x, y);
    }
  Word total(0.0f);
#pragma GCC unroll 16
  for (int chain = 0; chain < kChains; ++chain) total = total + sums[chain];
  forget(total);
  return static_cast<double>(rounds) * kChains * Word::kLanes;
}

}  // namespace

double multiply_add_burst(int64_t rounds) {
  return 2 * accumulate(rounds, [](Word sum, Word x, Word y) { return multiply_add(x, y, sum); });
}

double term_burst(CostForm form, int64_t rounds) {
  double work = 0;
  visit_form(form, [&](const auto& cost) {
    work = accumulate(rounds, [&](Word sum, Word x, Word y) { return cost.add_term(sum, x, y); });
  });
  return work;
}

double byte_term_burst(int64_t rounds) {
  OctetWord sums[kChains] = {};
  OctetWord x = OctetWord{} + 0x0102030405060708;
  const OctetWord y = OctetWord{} + 0x8070605040302010;
  for (int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
    for (int chain = 0; chain < kChains; ++chain) {
      forget(x);
      sums[chain] += differences(x, y);
    }
#pragma GCC unroll 16
  for (int chain = 0; chain < kChains; ++chain) forget(sums[chain]);
  return static_cast<double>(rounds) * kChains * kBytes;
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "kernels/matmul.h"

namespace wasserkern::bench {
namespace {

constexpr double kBurstSeconds = 2e-3;
constexpr int64_t kRegisterRounds = 1 << 18;  // milliseconds: threads' start and end do not show
constexpr int kCalm = 8;                      // bursts without a reason to lengthen them

/// The work of all threads, each calling `burst()`.
template <class Burst>
double on_threads(int threads, Burst burst) {
  double work = 0;
#pragma omp parallel num_threads(threads) reduction(+ : work)
  work += burst();
  return work;
}

}  // namespace

Limit::Limit(std::function<double(int64_t)> burst, int64_t first_rounds)
    : burst_(std::move(burst)), rounds_(first_rounds) {
  for (int unchanged = 0; unchanged < kCalm; ++unchanged) {
    const int64_t rounds = rounds_;
    sample();
    if (rounds_ != rounds) unchanged = 0;
  }
}

void Limit::sample() {
  const auto start = std::chrono::steady_clock::now();
  const double work = burst_(rounds_);
  const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  seconds_ += taken;
  rate_ = std::max(rate_, work / taken);
  if (work / rate_ < kBurstSeconds) rounds_ *= 2;  // by the best rate: this burst may have been interrupted
}

Limit multiply_add_limit(int threads) {
  return Limit(
      [=](int64_t rounds) { return on_threads(threads, [=] { return WASSERKERN_SIMD(multiply_add_burst)(rounds); }); },
      kRegisterRounds);
}

Limit term_limit(const Cost& cost, int threads) {
  return Limit(
      [=](int64_t rounds) {
        double work = 0;
        with_cost_form(cost, [&](CostForm form) {
          work = on_threads(threads, [=] { return WASSERKERN_SIMD(term_burst)(form, rounds); });
        });
        return work;
      },
      kRegisterRounds);
}

Limit byte_term_limit(int threads) {
  return Limit(
      [=](int64_t rounds) { return on_threads(threads, [=] { return WASSERKERN_SIMD(byte_term_burst)(rounds); }); },
      kRegisterRounds);
}

Limit triad_limit(int threads) {
  constexpr int64_t kSize = int64_t{1} << 25;  // 128 MiB each: more than the caches
  auto memory = std::make_shared<std::vector<std::unique_ptr<float[]>>>();
  for (int i = 0; i < 3; ++i) {
    memory->emplace_back(new float[kSize]);
    float* array = memory->back().get();
#pragma omp parallel for num_threads(threads)
    for (int64_t at = 0; at < kSize; ++at) array[at] = 1;
  }
  return Limit([=](int64_t rounds) {
    float* a = (*memory)[0].get();
    const float* b = (*memory)[1].get();
    const float* c = (*memory)[2].get();
    for (int64_t round = 0; round < rounds; ++round) {
#pragma omp parallel for num_threads(threads)
      for (int64_t at = 0; at < kSize; ++at) a[at] = b[at] + 0.5f * c[at];
    }
    return static_cast<double>(rounds) * kSize * 3 * sizeof(float);
  });
}

Limit product_limit(int threads) {
  constexpr int64_t kSize = 2048;
  auto stream = std::make_shared<CpuStream>(threads);
  auto memory = std::make_shared<std::vector<float>>(3 * kSize * kSize, 0.5f);
  return Limit([=](int64_t rounds) {
    float* a = memory->data();
    float* b = a + kSize * kSize;
    float* out = b + kSize * kSize;
    for (int64_t round = 0; round < rounds; ++round)
      matmul(*stream, {}, {{a, kSize, kSize}}, {{b, kSize, kSize}}, {out, kSize, kSize});
    return static_cast<double>(rounds) * 2 * kSize * kSize * kSize;
  });
}

}  // namespace wasserkern::bench

#endif
