#include "bench/kernels/bursts.h"

#include "kernels/cpu/byte_word.h"
#include "kernels/cpu/cost_form.h"
#include "kernels/cpu/power.h"

// What one thread does in a burst; returns the amount of work.
WASSERKERN_PER_ISA(                                                //
    double multiply_add_burst(int64_t rounds);                     //
    double term_burst(wasserkern::CostForm cost, int64_t rounds);  //
    double byte_term_burst(int64_t rounds);                        //
    double exponential_burst(int64_t rounds);)

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

double exponential_burst(int64_t rounds) {
  return accumulate(rounds, [](Word sum, Word x, Word) { return sum + exp2(x); });
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

namespace wasserkern::bench {
namespace {

/// The work of all threads, each calling `burst()`.
template <class Burst>
double on_threads(CpuStream& stream, Burst burst) {
  double work = 0;
#pragma omp parallel num_threads(stream.threads()) reduction(+ : work)
  work += burst();
  return work;
}

}  // namespace

double multiply_adds(CpuStream& stream, int64_t rounds) {
  return on_threads(stream, [=] { return WASSERKERN_SIMD(multiply_add_burst)(rounds); });
}

double terms(CpuStream& stream, const Cost& cost, int64_t rounds) {
  double work = 0;
  with_cost_form(cost, [&](CostForm form) {
    work = on_threads(stream, [=] { return WASSERKERN_SIMD(term_burst)(form, rounds); });
  });
  return work;
}

double byte_terms(CpuStream& stream, int64_t rounds) {
  return on_threads(stream, [=] { return WASSERKERN_SIMD(byte_term_burst)(rounds); });
}

double exponentials(CpuStream& stream, int64_t rounds) {
  return on_threads(stream, [=] { return WASSERKERN_SIMD(exponential_burst)(rounds); });
}

double triad(CpuStream& stream, Vector<const float> b, Vector<const float> c, Vector<float> a, int64_t rounds) {
  for (int64_t round = 0; round < rounds; ++round) {
#pragma omp parallel for num_threads(stream.threads())
    for (int64_t i = 0; i < a.size; ++i) a.data[i] = b.data[i] + 0.5f * c.data[i];
  }
  return static_cast<double>(rounds) * static_cast<double>(a.size) * 3 * sizeof(float);
}

}  // namespace wasserkern::bench

#endif
