#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace wasserkern::cuda {

/// N floats that are loaded and stored by one instruction.
template <int N>
struct alignas(N * sizeof(float)) Pack {
  float value[N];

  static __device__ __forceinline__ Pack load(const float* from) { return *reinterpret_cast<const Pack*>(from); }
  __device__ __forceinline__ void store(float* to) const { *reinterpret_cast<Pack*>(to) = *this; }

  /// The same elements whether or not `aligned`, and so the same sums: of `left`, and zeros beyond them.
  static __device__ __forceinline__ Pack load_up_to(const float* from, int64_t left, bool aligned) {
    if (aligned && left >= N) return load(from);
    Pack pack;
    for (int i = 0; i < N; ++i) pack[i] = i < left ? from[i] : 0.0f;
    return pack;
  }
  __device__ __forceinline__ void store_up_to(float* to, int64_t left, bool aligned) const {
    if (aligned && left >= N) return store(to);
    for (int i = 0; i < N; ++i)
      if (i < left) to[i] = value[i];
  }

  __device__ __forceinline__ float& operator[](int i) { return value[i]; }
  __device__ __forceinline__ float operator[](int i) const { return value[i]; }

  __device__ __forceinline__ Pack& operator+=(const Pack& other) {
    for (int i = 0; i < N; ++i) value[i] += other[i];
    return *this;
  }
};

/// f of packs, element by element.
template <int N, class Function, class... Packs>
__device__ __forceinline__ Pack<N> apply(Function f, Packs... x) {
  Pack<N> y;
  for (int i = 0; i < N; ++i) y[i] = f(x[i]...);
  return y;
}

/// Whether packs of four can be read at these addresses.
template <class... Elements>
bool packable(const Elements*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % alignof(Pack<4>) == 0) && ...);
}

/// Whether they can at the beginning of every row of these matrices.
template <class... Elements>
bool packable(Matrix<Elements>... x) {
  return ((packable(x.data) && (x.rows <= 1 || x.stride % 4 == 0)) && ...);
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
#pragma unroll 1  // three elements at most
  for (int64_t i = packs * N + first; i < count; i += stride) body(Width<1>(), i);
}

}  // namespace wasserkern::cuda
