#include "bench/kernels/bursts.h"

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"

namespace wasserkern::bench {
namespace {

// Values go round through the instructions that are counted: v = f(v) keeps the compiler from taking anything out of
// the loop, and costs nothing that the kernels do not pay. What f is given keeps the values in range for ever.

constexpr int kThreads = 256;
constexpr int kChains = 16;  // values of a thread; with the other warps' they hide the latency
constexpr int kTurns = 8;    // of the chains in a round, so that the loop itself does not show

/// What a thread's chains start from.
__device__ __forceinline__ float start_of(int chain) {
  return 0.001f * static_cast<float>(threadIdx.x) + 0.01f * static_cast<float>(chain);
}
__device__ __forceinline__ void start(float& value, int chain) { value = start_of(chain); }
__device__ __forceinline__ void start(uint32_t& value, int chain) { value = __float_as_uint(start_of(chain)); }

/// v = f(v) for `rounds` rounds of kTurns times kChains values per thread. `out` is somewhere to write to.
template <class Value, class Function>
__device__ __forceinline__ void iterate(int rounds, Value* out, Function f) {
  Value chains[kChains];
#pragma unroll
  for (int chain = 0; chain < kChains; ++chain) start(chains[chain], chain);
  for (int round = 0; round < rounds; ++round)
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn)
#pragma unroll
      for (int chain = 0; chain < kChains; ++chain) chains[chain] = f(chains[chain]);
  Value total = chains[0];
#pragma unroll
  for (int chain = 1; chain < kChains; ++chain) total += chains[chain];
  if (total == Value(12345)) *out = total;  // as good as never, but the compiler cannot know
}

// Beside every kernel: what its loop is made of on sm_75, sm_80 and sm_90, by tools/kernel-report; in all 3 to 5
// instructions count and jump.

/// 128 FFMA.
__global__ void __launch_bounds__(kThreads) multiply_add_kernel(float factor, float offset, int rounds, float* out) {
  iterate(rounds, out, [=](float v) { return fmaf(v, factor, offset); });
}

/// q = 1: 256 FADD; q = 2: 128 FADD, 128 FFMA; other q: 128 times `power`, of 21 instructions with two MUFU.
template <class Form>
__global__ void __launch_bounds__(kThreads) term_kernel(Form cost, float y, float offset, int rounds, float* out) {
  iterate(rounds, out, [=](float v) { return cost.add_term(offset, v, y); });
}

/// sum + |x - y| of four bytes in one instruction; for __vsadu4 and an addition the compiler takes more.
__device__ __forceinline__ uint32_t add_differences(uint32_t sum, uint32_t x, uint32_t y) {
  uint32_t result;
  asm("vabsdiff4.u32.u32.u32.add %0, %1, %2, %3;" : "=r"(result) : "r"(x), "r"(y), "r"(sum));
  return result;
}

/// 128 VABSDIFF4.U8.ACC.
__global__ void __launch_bounds__(kThreads) byte_term_kernel(uint32_t y, uint32_t offset, int rounds, uint32_t* out) {
  iterate(rounds, out, [=](uint32_t v) { return add_differences(offset, v, y); });
}

/// The instruction alone: exp2f() adds some for subnormal results.
__device__ __forceinline__ float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// 128 MUFU.EX2, 128 FADD.
__global__ void __launch_bounds__(kThreads) exponential_kernel(float offset, int rounds, float* out) {
  iterate(rounds, out, [=](float v) { return offset + fast_exp2(v); });
}

using Pack = cuda::Pack<4>;

/// A thread: 2 LDG.E.128, 4 FFMA, STG.E.128.
__global__ void __launch_bounds__(kThreads)
    triad_kernel(const float* b, const float* c, float scale, int64_t packs, float* a) {
  const int64_t pack = cuda::grid_thread();
  if (pack >= packs) return;
  const Pack from_b = Pack::load(b + 4 * pack), from_c = Pack::load(c + 4 * pack);
  Pack sum;
  for (int i = 0; i < 4; ++i) sum[i] = from_b[i] + scale * from_c[i];
  sum.store(a + 4 * pack);
}

/// Starts a kernel that iterates, with as many blocks as run at once; returns how often its threads call f in all.
template <class Kernel, class... Arguments>
double start_everywhere(CudaStream& stream, int64_t rounds, Kernel kernel, Arguments... arguments) {
  int resident = 0;
  cuda::check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, kThreads, 0),
              "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  const auto blocks = static_cast<unsigned>(resident * stream.handles().multiprocessors);
  cuda::launch(stream, kernel, blocks, kThreads, arguments..., rounds, stream.workspace(sizeof(float)));
  return static_cast<double>(rounds) * kTurns * kChains * kThreads * blocks;
}

}  // namespace

double multiply_adds(CudaStream& stream, int64_t rounds) {
  return 2 * start_everywhere(stream, rounds, multiply_add_kernel, -1.0f, 0.3f);
}

double terms(CudaStream& stream, const Cost& cost, int64_t rounds) {
  // v = |0.1 - v|^q - 0.9 leads from [-0.9, 0.4] into [-0.9, 0.1], whatever q is.
  return visit_cost(cost, [&]<class Form>(const Form& form) {
    return start_everywhere(stream, rounds, term_kernel<Form>, form, 0.1f, -0.9f);
  });
}

double byte_terms(CudaStream& stream, int64_t rounds) {
  return 4 * start_everywhere(stream, rounds, byte_term_kernel, 0x80706050u, 0x01020304u);
}

double exponentials(CudaStream& stream, int64_t rounds) {
  return start_everywhere(stream, rounds, exponential_kernel, -1.5f);
}

double triad(CudaStream& stream, Vector<const float> b, Vector<const float> c, Vector<float> a, int64_t rounds) {
  const int64_t packs = a.size / 4;
  const auto blocks = static_cast<unsigned>(cuda::ceil_div(packs, kThreads));
  for (int64_t round = 0; round < rounds; ++round)
    cuda::launch(stream, triad_kernel, blocks, kThreads, b.data, c.data, 0.5f, packs, a.data);
  return static_cast<double>(rounds) * static_cast<double>(a.size) * 3 * sizeof(float);
}

}  // namespace wasserkern::bench
