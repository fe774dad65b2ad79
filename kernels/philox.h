#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/cost/math.h"

/// The random numbers of kernels/random.h, one text for every device. Bits agree because every operation below rounds
/// once: sources that include this are compiled with -ffp-contract=off on the host, and the device says so itself.
/// All of it is free of branches, so that loops over counters become vector code.
namespace wasserkern::philox {

/// Four random words; element i of a draw is word i mod 4 of counter i / 4.
struct Words {
  uint32_t w0, w1, w2, w3;
};

/// A draw without its element: the key and the upper three words of the counter.
struct Source {
  uint32_t key_low, key_high, op, step_low, step_high;

  WASSERKERN_INLINE Source(uint64_t seed, uint64_t step, uint32_t draw_op)
      : key_low(static_cast<uint32_t>(seed)),
        key_high(static_cast<uint32_t>(seed >> 32)),
        op(draw_op),
        step_low(static_cast<uint32_t>(step)),
        step_high(static_cast<uint32_t>(step >> 32)) {}
};

WASSERKERN_INLINE Words round(Words x, uint32_t key_low, uint32_t key_high) {
  const uint64_t product0 = uint64_t{0xD2511F53} * x.w0;
  const uint64_t product1 = uint64_t{0xCD9E8D57} * x.w2;
  return {static_cast<uint32_t>(product1 >> 32) ^ x.w1 ^ key_low, static_cast<uint32_t>(product1),
          static_cast<uint32_t>(product0 >> 32) ^ x.w3 ^ key_high, static_cast<uint32_t>(product0)};
}

/// Philox 4x32 with ten rounds. Salmon et al. 2011, section 4.3.
WASSERKERN_INLINE Words words(const Source& source, uint32_t counter) {
  constexpr uint32_t kGolden = 0x9E3779B9, kRootThree = 0xBB67AE85;
  uint32_t key_low = source.key_low, key_high = source.key_high;
  Words x = round({counter, source.op, source.step_low, source.step_high}, key_low, key_high);
  x = round(x, key_low += kGolden, key_high += kRootThree);
  x = round(x, key_low += kGolden, key_high += kRootThree);
  x = round(x, key_low += kGolden, key_high += kRootThree);
  x = round(x, key_low += kGolden, key_high += kRootThree);
  x = round(x, key_low += kGolden, key_high += kRootThree);
  x = round(x, key_low += kGolden, key_high += kRootThree);
  x = round(x, key_low += kGolden, key_high += kRootThree);
  x = round(x, key_low += kGolden, key_high += kRootThree);
  return round(x, key_low += kGolden, key_high += kRootThree);
}

/// Element i of a draw.
WASSERKERN_INLINE uint32_t word(const Source& source, int64_t i) {
  const Words four = words(source, static_cast<uint32_t>(i / 4));
  const int place = static_cast<int>(i % 4);
  return place < 2 ? (place == 0 ? four.w0 : four.w1) : (place == 2 ? four.w2 : four.w3);
}

#if defined(__CUDA_ARCH__)
WASSERKERN_INLINE float product(float x, float y) { return __fmul_rn(x, y); }
WASSERKERN_INLINE float sum(float x, float y) { return __fadd_rn(x, y); }
WASSERKERN_INLINE float root(float x) { return __fsqrt_rn(x); }
WASSERKERN_INLINE uint32_t bits(float x) { return __float_as_uint(x); }
WASSERKERN_INLINE float from_bits(uint32_t x) { return __uint_as_float(x); }
#else
WASSERKERN_INLINE float product(float x, float y) { return x * y; }
WASSERKERN_INLINE float sum(float x, float y) { return x + y; }
WASSERKERN_INLINE float root(float x) { return ::sqrtf(x); }
WASSERKERN_INLINE uint32_t bits(float x) {
  uint32_t result;
  std::memcpy(&result, &x, sizeof result);
  return result;
}
WASSERKERN_INLINE float from_bits(uint32_t x) {
  float result;
  std::memcpy(&result, &x, sizeof result);
  return result;
}
#endif

/// c0 + x (c1 + x (c2 + ...)).
WASSERKERN_INLINE float polynomial(float, float c0) { return c0; }
template <class... Floats>
WASSERKERN_INLINE float polynomial(float x, float c0, Floats... higher) {
  return sum(product(polynomial(x, higher...), x), c0);
}

/// (word >> 8) 2^-24 + 2^-25, in (0, 1): what would round to 1 becomes the float below it.
WASSERKERN_INLINE float uniform(uint32_t word) {
  const float x = sum(product(static_cast<float>(static_cast<int32_t>(word >> 8)), 0x1p-24f), 0x1p-25f);
  return x < 1.0f ? x : 0x1.fffffep-1f;
}

/// y + a (x - y), the point between y and x.
WASSERKERN_INLINE float between(float a, float x, float y) { return sum(product(a, sum(x, -y)), y); }

/// ln x for normal x > 0, to 1 ulp: x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), and a polynomial in f from
/// Moshier's Cephes library, as are the sine and cosine below.
WASSERKERN_INLINE float logarithm(float x) {
  constexpr uint32_t kRootHalf = 0x3F3504F3;
  const uint32_t shifted = bits(x) - kRootHalf;
  const float exponent = static_cast<float>(static_cast<int32_t>(shifted) >> 23);
  const float f = sum(from_bits((shifted & 0x007FFFFF) + kRootHalf), -1.0f);
  const float square = product(f, f);
  const float tail =
      polynomial(f, 3.3333331174e-1f, -2.4999993993e-1f, 2.0000714765e-1f, -1.6668057665e-1f, 1.4249322787e-1f,
                 -1.2420140846e-1f, 1.1676998740e-1f, -1.1514610310e-1f, 7.0376836292e-2f);
  // ln 2 in two parts, small terms first; the large part has so few bits that its product with the exponent is exact.
  float y = product(product(tail, f), square);
  y = sum(y, product(exponent, -2.12194440e-4f));
  y = sum(y, product(square, -0.5f));
  y = sum(f, y);
  return sum(y, product(exponent, 0.693359375f));
}

struct Normals {
  float cosine, sine;
};

/// Two independent N(0, 1): the point at angle 2 pi u and radius sqrt(-2 ln v). Box and Muller 1958.
WASSERKERN_INLINE Normals normals(uint32_t radius_word, uint32_t angle_word) {
  const float radius = root(product(logarithm(uniform(radius_word)), -2.0f));

  // The angle in quarter turns less its nearest whole number is exact, so small sines and cosines keep their precision.
  const float turns = product(uniform(angle_word), 4.0f);
  const int32_t quarter = static_cast<int32_t>(sum(turns, 0.5f));
  const float x = product(sum(turns, static_cast<float>(-quarter)), 1.57079633f);
  const float square = product(x, x);
  const float sine =
      sum(product(product(polynomial(square, -1.6666654611e-1f, 8.3321608736e-3f, -1.9515295891e-4f), square), x), x);
  const float cosine =
      polynomial(square, 1.0f, -0.5f, 4.166664568298827e-2f, -1.388731625493765e-3f, 2.443315711809948e-5f);

  const bool swapped = (quarter & 1) != 0;
  const float size_of_cosine = swapped ? sine : cosine;
  const float size_of_sine = swapped ? cosine : sine;
  const uint32_t cosine_sign = (static_cast<uint32_t>(quarter + 1) & 2) << 30;
  const uint32_t sine_sign = (static_cast<uint32_t>(quarter) & 2) << 30;
  return {product(radius, from_bits(bits(size_of_cosine) ^ cosine_sign)),
          product(radius, from_bits(bits(size_of_sine) ^ sine_sign))};
}

}  // namespace wasserkern::philox
