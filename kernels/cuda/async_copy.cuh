#pragma once

#include <cstdint>

namespace wasserkern::cuda {

/// Copies `bytes` <= kBytes bytes from global to shared memory, both aligned to kBytes, and fills up with zeros; the
/// data are there for this thread after async_wait. From sm_80 on no register holds them and nothing waits.
template <int kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global, int bytes) {
  static_assert(kBytes == 4 || kBytes == 16);
#if __CUDA_ARCH__ >= 800
  const auto to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  const auto from = __cvta_generic_to_global(global);
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
#else
  struct alignas(kBytes) Words {
    uint32_t word[kBytes / 4];
  };
  Words words = {};
  if (bytes == kBytes)
    words = *static_cast<const Words*>(global);
  else
    for (int at = 0; at < bytes; ++at)
      words.word[at / 4] |= static_cast<uint32_t>(static_cast<const uint8_t*>(global)[at]) << (at % 4 * 8);
  *static_cast<Words*>(shared) = words;
#endif
}

/// Waits for this thread's copies; a barrier must follow before other threads read them.
__device__ __forceinline__ void async_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

// Copies in groups, which are waited for one by one: for kernels that need sm_80 anyway.
#if __CUDA_ARCH__ >= 800

/// Starts to copy 16 bytes, both addresses aligned to as many.
__device__ __forceinline__ void copy_pack_async(void* shared, const void* global) {
  asm volatile(
      "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(static_cast<uint32_t>(__cvta_generic_to_shared(shared))),
      "l"(__cvta_generic_to_global(global))
      : "memory");
}

/// What was started since the last group is a group, possibly empty.
__device__ __forceinline__ void close_copy_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits for this thread's groups but the last kPending.
template <int kPending>
__device__ __forceinline__ void wait_for_copy_groups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

#endif

}  // namespace wasserkern::cuda
