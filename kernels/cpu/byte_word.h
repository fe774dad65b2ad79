#pragma once

// Sums of absolute differences of bytes, eight at a time. In the compiler's own vectors: Highway has no such sum and,
// in the baseline, no vectors.

#include "kernels/cpu/simd.h"

#if HWY_ARCH_X86
#include <immintrin.h>
#endif

namespace wasserkern::WASSERKERN_ISA {

#if HWY_TARGET == HWY_AVX3
constexpr int kBytes = 64;  // of a word
#elif HWY_TARGET == HWY_AVX2
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kOctets = kBytes / 8;  // of a word: eight bytes each, or their sum

using OctetWord __attribute__((vector_size(kBytes))) = uint64_t;

HWY_INLINE OctetWord load_octets(const uint8_t* aligned) {
  OctetWord word;
  __builtin_memcpy(&word, __builtin_assume_aligned(aligned, kBytes), kBytes);
  return word;
}

/// The eight bytes at `from` in every octet.
HWY_INLINE OctetWord repeat_octet(const uint8_t* from) {
  uint64_t octet;
  __builtin_memcpy(&octet, from, sizeof octet);
  return octet | OctetWord{};
}

/// |x_0 - y_0| + ... + |x_7 - y_7| in every octet.
HWY_INLINE OctetWord differences(OctetWord x, OctetWord y) {
#if HWY_TARGET == HWY_AVX3
  return reinterpret_cast<OctetWord>(_mm512_sad_epu8(reinterpret_cast<__m512i>(x), reinterpret_cast<__m512i>(y)));
#elif HWY_TARGET == HWY_AVX2
  return reinterpret_cast<OctetWord>(_mm256_sad_epu8(reinterpret_cast<__m256i>(x), reinterpret_cast<__m256i>(y)));
#elif HWY_ARCH_X86
  return reinterpret_cast<OctetWord>(_mm_sad_epu8(reinterpret_cast<__m128i>(x), reinterpret_cast<__m128i>(y)));
#else
  using Bytes __attribute__((vector_size(kBytes))) = uint8_t;
  const auto a = reinterpret_cast<Bytes>(x), b = reinterpret_cast<Bytes>(y);
  const auto apart = reinterpret_cast<OctetWord>(a > b ? a - b : b - a);
  constexpr uint64_t kEven = 0x00FF00FF00FF00FF, kOnes = 0x0001000100010001;
  return ((apart & kEven) + (apart >> 8 & kEven)) * kOnes >> 48;
#endif
}

}  // namespace wasserkern::WASSERKERN_ISA
