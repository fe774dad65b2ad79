#pragma once

#include <cstdint>

namespace wasserkern::testing {

/// How often this process has called the CUDA runtime; differences are what a test looks at.
struct CudaCalls {
  int64_t allocations = 0;  // of device or pinned memory, releases, which may wait for the device, objects of cuDNN
  int64_t waits = 0;        // of the host for the device: synchronisations, and copies that imply one
  int64_t graph_launches = 0;
  int64_t nondeterministic = 0;  // convolutions that cuDNN is asked for by an algorithm whose bits may vary

  CudaCalls& operator+=(const CudaCalls& more) {
    allocations += more.allocations;
    waits += more.waits;
    graph_launches += more.graph_launches;
    nondeterministic += more.nondeterministic;
    return *this;
  }
  CudaCalls operator-(const CudaCalls& before) const {
    return {allocations - before.allocations, waits - before.waits, graph_launches - before.graph_launches,
            nondeterministic - before.nondeterministic};
  }
};

/// All so far.
#if WASSERKERN_CUDA
CudaCalls cuda_calls();
/// So many of the next forward and transposed convolutions cuDNN will not support.
extern int cudnn_refusals;
#else
inline CudaCalls cuda_calls() { return {}; }
#endif

}  // namespace wasserkern::testing
