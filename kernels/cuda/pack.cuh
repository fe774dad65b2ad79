#pragma once

#include <cstdint>

namespace wasserkern::cuda {

/// N floats that are loaded and stored by one instruction.
template <int N>
struct alignas(N * sizeof(float)) Pack {
  float value[N];

  static __device__ __forceinline__ Pack load(const float* from) { return *reinterpret_cast<const Pack*>(from); }
  __device__ __forceinline__ void store(float* to) const { *reinterpret_cast<Pack*>(to) = *this; }
  __device__ __forceinline__ float& operator[](int i) { return value[i]; }
  __device__ __forceinline__ float operator[](int i) const { return value[i]; }
};

/// Whether packs of four can be read at these addresses.
template <class... Pointers>
bool packable(const Pointers*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % alignof(Pack<4>) == 0) && ...);
}

/// A number of elements as a type.
template <int N>
struct Width {};

/// Calls body(Width<N>(), offset) for every pack of N elements, then with Width<1> for the elements left over;
/// thread `first` of `stride` takes every stride-th.
template <int N, class Body>
__device__ __forceinline__ void for_each_pack(int64_t count, int64_t first, int64_t stride, Body body) {
  const int64_t packs = count / N;
  for (int64_t i = first; i < packs; i += stride) body(Width<N>(), i * N);
  for (int64_t i = packs * N + first; i < count; i += stride) body(Width<1>(), i);
}

}  // namespace wasserkern::cuda
