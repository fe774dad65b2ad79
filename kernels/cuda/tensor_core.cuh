#pragma once

#include <cstdint>

// Products on tensor cores, from sm_80 on: rounded factors, how they come into registers, and the instruction. Rows are
// counted in bytes: 32 bytes of 16 rows are one operand, whatever the values in them are.

namespace wasserkern::cuda {

/// Floats rounded to TF32, 11 significant bits, to nearest; halves away from zero as cvt.rna does.
struct Tf32 {
  using Word = uint32_t;
  static __device__ __forceinline__ Word round(float value) { return (__float_as_uint(value) + 0x1000u) & ~0x1FFFu; }
};

/// Floats rounded to bf16, 8 significant bits, to nearest even. NaN may become anything.
struct Bf16 {
  using Word = uint16_t;
  static __device__ __forceinline__ Word round(float value) {
    const unsigned bits = __float_as_uint(value);
    return static_cast<Word>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
  }
};

#if __CUDA_ARCH__ >= 800

/// Four 8 x 8 matrices of 16-bit words, whose rows of 16 bytes start at the addresses of eight lanes each. A lane gets
/// 4 bytes of each.
__device__ __forceinline__ void load_matrices(uint32_t (&to)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(row)))
               : "memory");
}

/// sum += a b^T for 32 bytes of 16 rows of a and of 8 rows of b.
__device__ __forceinline__ void multiply_add(Tf32, float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ __forceinline__ void multiply_add(Bf16, float (&sum)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#endif

}  // namespace wasserkern::cuda
