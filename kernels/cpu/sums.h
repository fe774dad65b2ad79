#pragma once

#include "kernels/cpu/simd.h"

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kChunk = 4096;  // elements summed in float lanes before a double takes over

HWY_INLINE double sum_of(const float* x, int64_t size) {
  Word low(0.0f), high(0.0f);
  int64_t i = 0;
  for (; i + 2 * Word::kLanes <= size; i += 2 * Word::kLanes) {
    low = low + Word::load(x + i);
    high = high + Word::load(x + i + Word::kLanes);
  }
  for (; i < size; i += Word::kLanes) {
    const int64_t left = size - i;
    low = low + (left < Word::kLanes ? Word::load_first(x + i, left) : Word::load(x + i));
  }
  return (low + high).sum();
}

HWY_INLINE double sum_in_chunks(const float* x, int64_t size) {
  double total = 0;
  for (int64_t i = 0; i < size; i += kChunk) total += sum_of(x + i, size - i < kChunk ? size - i : kChunk);
  return total;
}

}  // namespace
}  // namespace wasserkern::WASSERKERN_ISA
