#pragma once

namespace wasserkern::cuda {

constexpr int kWarp = 32;

/// The sum over a warp in every lane. Each step adds the same two numbers in both partners, so all lanes get equal
/// bits, and the order is fixed. One lane is its own sum.
template <int kLanes = kWarp>
__device__ __forceinline__ float warp_sum(float x) {
  for (int apart = kLanes / 2; apart > 0; apart /= 2) x += __shfl_xor_sync(0xFFFFFFFF, x, apart);
  return x;
}

template <int kLanes = kWarp>
__device__ __forceinline__ float warp_max(float x) {
  for (int apart = kLanes / 2; apart > 0; apart /= 2) x = fmaxf(x, __shfl_xor_sync(0xFFFFFFFF, x, apart));
  return x;
}

}  // namespace wasserkern::cuda
