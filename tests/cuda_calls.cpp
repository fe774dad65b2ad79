#include "tests/cuda_calls.h"

#include <dlfcn.h>

#include <atomic>

#include "tests/stream_order.h"

#pragma GCC visibility push(default)  // so that the library finds the functions below
#include <cuda_runtime_api.h>
#include <cudnn.h>

namespace {

std::atomic<int64_t> allocations = 0, waits = 0, graph_launches = 0, nondeterministic = 0;
thread_local bool inside = false;

/// Makes a call, and tells `watch` of it unless one function of the runtime calls another.
template <class Watch, class Function, class... Arguments>
auto make(Watch watch, Function* runtime, Arguments... arguments) {
  if (inside) return runtime(arguments...);
  inside = true;
  const auto status = runtime(arguments...);
  inside = false;
  watch(status);
  return status;
}

bool refuse() { return wasserkern::testing::cudnn_refusals > 0 && wasserkern::testing::cudnn_refusals--; }

wasserkern::testing::StreamOrder* order() { return wasserkern::testing::watched_order; }

}  // namespace

// The program's own functions stand before the runtime's, and call these.
#define WATCHED_OF(Status, watch, function, parameters, ...)                                         \
  Status function parameters {                                                                       \
    static const auto runtime = reinterpret_cast<decltype(&function)>(dlsym(RTLD_NEXT, #function));  \
    return make([&]([[maybe_unused]] Status status) { watch; }, runtime __VA_OPT__(, ) __VA_ARGS__); \
  }
#define WATCHED(...) WATCHED_OF(cudaError_t, __VA_ARGS__)
#define COUNT(calls) calls.fetch_add(1, std::memory_order_relaxed)
#define COUNTED(calls, ...) WATCHED(COUNT(calls), __VA_ARGS__)
#define MADE(function, type) WATCHED_OF(cudnnStatus_t, COUNT(allocations), function, (type * made), made)
#define REFUSABLE(deterministic, function, parameters, ...)                                       \
  cudnnStatus_t function parameters {                                                             \
    static const auto cudnn = reinterpret_cast<decltype(&function)>(dlsym(RTLD_NEXT, #function)); \
    if (!(deterministic)) COUNT(nondeterministic);                                                \
    return refuse() ? CUDNN_STATUS_NOT_SUPPORTED : cudnn(__VA_ARGS__);                            \
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
WATCHED(waits.fetch_add(1); if (order()) order()->seen_by_host(event), cudaEventSynchronize, (cudaEvent_t event), event)
COUNTED(waits, cudaMemcpy, (void* to, const void* from, size_t bytes, cudaMemcpyKind kind), to, from, bytes, kind)
COUNTED(waits, cudaMemset, (void* memory, int value, size_t bytes), memory, value, bytes)
WATCHED(if (order() && status == cudaSuccess) order()->seen_by_host(event), cudaEventQuery, (cudaEvent_t event), event)
WATCHED(if (order()) order()->recorded(event, stream), cudaEventRecord, (cudaEvent_t event, cudaStream_t stream), event,
        stream)
WATCHED(if (order()) order()->waited(stream, event), cudaStreamWaitEvent,
        (cudaStream_t stream, cudaEvent_t event, unsigned flags), stream, event, flags)
WATCHED(if (order()) order()->copied(to, from, bytes, kind == cudaMemcpyHostToDevice, stream), cudaMemcpyAsync,
        (void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream), to, from, bytes, kind,
        stream)
COUNTED(graph_launches, cudaGraphLaunch, (cudaGraphExec_t graph, cudaStream_t stream), graph, stream)
MADE(cudnnCreate, cudnnHandle_t)
MADE(cudnnCreateTensorDescriptor, cudnnTensorDescriptor_t)
MADE(cudnnCreateFilterDescriptor, cudnnFilterDescriptor_t)
MADE(cudnnCreateConvolutionDescriptor, cudnnConvolutionDescriptor_t)

REFUSABLE(true, cudnnConvolutionForward,
          (cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x_of, const void* x,
           cudnnFilterDescriptor_t w_of, const void* w, cudnnConvolutionDescriptor_t of,
           cudnnConvolutionFwdAlgo_t algorithm, void* workspace, size_t bytes, const void* beta,
           cudnnTensorDescriptor_t y_of, void* y),
          handle, alpha, x_of, x, w_of, w, of, algorithm, workspace, bytes, beta, y_of, y)
REFUSABLE(algorithm != CUDNN_CONVOLUTION_BWD_DATA_ALGO_0, cudnnConvolutionBackwardData,
          (cudnnHandle_t handle, const void* alpha, cudnnFilterDescriptor_t w_of, const void* w,
           cudnnTensorDescriptor_t y_of, const void* y, cudnnConvolutionDescriptor_t of,
           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace, size_t bytes, const void* beta,
           cudnnTensorDescriptor_t x_of, void* x),
          handle, alpha, w_of, w, y_of, y, of, algorithm, workspace, bytes, beta, x_of, x)
}
#pragma GCC visibility pop

namespace wasserkern::testing {

StreamOrder* watched_order = nullptr;
int cudnn_refusals = 0;

CudaCalls cuda_calls() { return {allocations, waits, graph_launches, nondeterministic}; }

}  // namespace wasserkern::testing
