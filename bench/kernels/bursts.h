#pragma once

#include <cstdint>

#include "kernels/cost/cost.h"
#include "kernels/stream.h"
#include "kernels/view.h"

/// What a machine does fastest, for limits.h to time: every function submits work in proportion to `rounds` that keeps
/// all threads of the stream's device busy, and returns its amount.
namespace wasserkern::bench {

/// Fused multiply-adds between registers, in floating-point operations.
double multiply_adds(CpuStream&, int64_t rounds);
double multiply_adds(CudaStream&, int64_t rounds);

/// Terms of a cost, accumulated between registers.
double terms(CpuStream&, const Cost&, int64_t rounds);
double terms(CudaStream&, const Cost&, int64_t rounds);

/// Terms |x - y| of bytes, accumulated between registers by the instruction that sums several at once.
double byte_terms(CpuStream&, int64_t rounds);
double byte_terms(CudaStream&, int64_t rounds);

/// Powers of two, accumulated between registers.
double exponentials(CpuStream&, int64_t rounds);
double exponentials(CudaStream&, int64_t rounds);

/// a = b + s c from and to memory, in bytes; the three have the same size, a multiple of four.
double triad(CpuStream&, Vector<const float> b, Vector<const float> c, Vector<float> a, int64_t rounds);
double triad(CudaStream&, Vector<const float> b, Vector<const float> c, Vector<float> a, int64_t rounds);

}  // namespace wasserkern::bench
