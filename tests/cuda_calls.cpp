#include "tests/cuda_calls.h"

#include <dlfcn.h>

#include <atomic>

#pragma GCC visibility push(default)  // so that the library finds the functions below
#include <cuda_runtime_api.h>

namespace {

std::atomic<int64_t> allocations = 0, waits = 0, graph_launches = 0, questions = 0;
thread_local bool inside = false;

/// Counts a call, unless one function of the runtime calls another, and makes it.
template <class Function, class... Arguments>
cudaError_t counted(std::atomic<int64_t>& calls, Function* runtime, Arguments... arguments) {
  if (inside) return runtime(arguments...);
  calls.fetch_add(1, std::memory_order_relaxed);
  inside = true;
  const cudaError_t status = runtime(arguments...);
  inside = false;
  return status;
}

}  // namespace

// The program's own functions stand before the runtime's and call these.
#define COUNTED(calls, function, parameters, ...)                                                   \
  cudaError_t function parameters {                                                                 \
    static const auto runtime = reinterpret_cast<decltype(&function)>(dlsym(RTLD_NEXT, #function)); \
    return counted(calls, runtime __VA_OPT__(, ) __VA_ARGS__);                                      \
  }

extern "C" {
COUNTED(allocations, cudaMalloc, (void** memory, size_t bytes), memory, bytes)
COUNTED(allocations, cudaMallocAsync, (void** memory, size_t bytes, cudaStream_t stream), memory, bytes, stream)
COUNTED(allocations, cudaMallocManaged, (void** memory, size_t bytes, unsigned flags), memory, bytes, flags)
COUNTED(allocations, cudaMallocHost, (void** memory, size_t bytes), memory, bytes)
COUNTED(allocations, cudaHostAlloc, (void** memory, size_t bytes, unsigned flags), memory, bytes, flags)
COUNTED(allocations, cudaFree, (void* memory), memory)
COUNTED(allocations, cudaFreeAsync, (void* memory, cudaStream_t stream), memory, stream)
COUNTED(allocations, cudaFreeHost, (void* memory), memory)
COUNTED(waits, cudaDeviceSynchronize, ())
COUNTED(waits, cudaStreamSynchronize, (cudaStream_t stream), stream)
COUNTED(waits, cudaEventSynchronize, (cudaEvent_t event), event)
COUNTED(waits, cudaMemcpy, (void* to, const void* from, size_t bytes, cudaMemcpyKind kind), to, from, bytes, kind)
COUNTED(waits, cudaMemset, (void* memory, int value, size_t bytes), memory, value, bytes)
COUNTED(questions, cudaEventQuery, (cudaEvent_t event), event)
COUNTED(graph_launches, cudaGraphLaunch, (cudaGraphExec_t graph, cudaStream_t stream), graph, stream)
}
#pragma GCC visibility pop

namespace wasserkern::testing {

CudaCalls cuda_calls() { return {allocations, waits, graph_launches}; }

}  // namespace wasserkern::testing
