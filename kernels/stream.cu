#include "kernels/stream.h"

#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "kernels/cuda/check.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/cuda/handles.h"

namespace wasserkern {
namespace {

using cuda::check;

__global__ void probe() {}

/// Why `device` cannot run this library's kernels; empty if it can.
std::string obstacle(int device) {
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && device >= count)
    return "no CUDA device " + std::to_string(device) + ": this machine has " + std::to_string(count);
  if (status == cudaSuccess) status = cudaSetDevice(device);
  cudaFuncAttributes attributes;
  if (status == cudaSuccess) status = cudaFuncGetAttributes(&attributes, probe);
  if (status == cudaSuccess) return "";

  cudaGetLastError();
  const std::string words = std::string(" (") + cudaGetErrorString(status) + ")";
  int driver = 0;
  cudaDriverGetVersion(&driver);
  switch (status) {
    case cudaErrorNoDevice: return "no CUDA device on this machine" + words;
    case cudaErrorInsufficientDriver:
      return (driver ? "the CUDA driver is too old for this build" : "no CUDA driver on this machine") + words;
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion: return "this build has no code for the GPU and its driver" + words;
    default: return "the CUDA device cannot be used" + words;
  }
}

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (size_t{1} << 20) - 1) >> 20) + " MiB"; }

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

/// Makes the stream's device the thread's, and refuses what a captured stream cannot do.
void enter_eagerly(const CudaStream::Handles& handles, const char* what) {
  if (handles.recording) throw DeviceError(std::string(what) + " is not possible while a phase is recorded");
  check(cudaSetDevice(handles.device), "cudaSetDevice");
}

class GraphRecording final : public Recording {
 public:
  GraphRecording(const CudaStream::Handles& handles, cudaGraph_t graph) : handles_(handles) {
    check(cudaGraphInstantiate(&executable_, graph, 0), "cudaGraphInstantiate");
  }
  ~GraphRecording() override { cudaGraphExecDestroy(executable_); }

  void replay() override {
    enter_eagerly(handles_, "replaying a recording");
    check(cudaGraphLaunch(executable_, handles_.stream), "cudaGraphLaunch");
  }

 private:
  const CudaStream::Handles& handles_;
  cudaGraphExec_t executable_ = nullptr;
};

class StreamEvent final : public Event {
 public:
  explicit StreamEvent(const CudaStream::Handles& handles) {
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreate");
    check(cudaEventRecord(event_, handles.stream), "cudaEventRecord");
  }
  ~StreamEvent() override { cudaEventDestroy(event_); }

  bool reached() const override {
    const cudaError_t status = cudaEventQuery(event_);
    if (status != cudaErrorNotReady) check(status, "work on the GPU");
    cudaGetLastError();  // "not ready" must not look like a failed launch
    return status == cudaSuccess;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace

CudaStream::Handles::~Handles() {
  if (stream) cudaStreamSynchronize(stream);
  cudnn_plans.reset();
  if (cublas) cublasDestroy(cublas);
  cudaFree(cublas_workspace);
  if (stream) cudaStreamDestroy(stream);
}

std::string CudaStream::unavailable() { return obstacle(0); }

CudaStream::CudaStream(Options options) : handles_(std::make_unique<Handles>()) {
  if (options.device < 0) throw UsageError("CUDA device " + std::to_string(options.device) + ": devices count from 0");
  if (const std::string why = obstacle(options.device); !why.empty()) throw DeviceError(why);
  handles_->device = options.device;
  handles_->tf32 = options.tf32;
  check(cudaDeviceGetAttribute(&handles_->multiprocessors, cudaDevAttrMultiProcessorCount, options.device),
        "cudaDeviceGetAttribute");
  check(cudaStreamCreateWithFlags(&handles_->stream, cudaStreamNonBlocking), "cudaStreamCreate");

  // A workspace of ours makes products repeatable and lets graphs capture them. It is set after the stream, which
  // resets it; the sizes are those that cuBLAS recommends.
  int major = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, options.device), "cudaDeviceGetAttribute");
  const size_t bytes = size_t{major >= 9 ? 32u : 8u} << 20;
  check(cublasCreate(&handles_->cublas), "cublasCreate");
  check(cublasSetStream(handles_->cublas, handles_->stream), "cublasSetStream");
  handles_->cublas_workspace = allocate(bytes);
  check(cublasSetWorkspace(handles_->cublas, handles_->cublas_workspace, bytes), "cublasSetWorkspace");
  check(cublasSetMathMode(handles_->cublas, options.tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH),
        "cublasSetMathMode");
}

CudaStream::~CudaStream() {
  abandon_recording();
  cudaSetDevice(handles_->device);
  cudaStreamSynchronize(handles_->stream);
  for (void* memory : workspaces_) cudaFree(memory);
}

std::string CudaStream::description() const {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, handles_->device), "cudaGetDeviceProperties");
  int driver = 0, runtime = 0, cublas = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  check(cublasGetVersion(handles_->cublas, &cublas), "cublasGetVersion");
  return std::string(properties.name) + " (compute capability " + std::to_string(properties.major) + "." +
         std::to_string(properties.minor) + "), CUDA " + version(runtime) + ", driver " + version(driver) +
         ", cuBLAS " + std::to_string(cublas) + ", cuDNN " + cudnn::version() + ", " +
         (handles_->tf32 ? "tf32" : "fp32");
}

void CudaStream::begin_recording() {
  enter_eagerly(*handles_, "beginning another recording");
  // Thread-local: loader threads may allocate pinned memory meanwhile.
  check(cudaStreamBeginCapture(handles_->stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  handles_->recording = true;
}

std::unique_ptr<Recording> CudaStream::end_recording() {
  if (!handles_->recording) throw DeviceError("end_recording without begin_recording");
  handles_->recording = false;
  cudaGraph_t graph = nullptr;
  const cudaError_t status = cudaStreamEndCapture(handles_->stream, &graph);
  for (void* memory : std::exchange(handles_->released_while_recording, {})) cudaFree(memory);
  check(status, "recording a phase");
  const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, decltype(&cudaGraphDestroy)> owner(graph, cudaGraphDestroy);
  auto recording = std::make_unique<GraphRecording>(*handles_, graph);
  recording->replay();
  return recording;
}

void CudaStream::abandon_recording() noexcept {
  if (!handles_->recording) return;
  handles_->recording = false;
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(handles_->stream, &graph);
  if (graph) cudaGraphDestroy(graph);
  for (void* memory : std::exchange(handles_->released_while_recording, {})) cudaFree(memory);
  cudaGetLastError();
}

void* CudaStream::allocate(size_t bytes) {
  enter_eagerly(*handles_, "allocating GPU memory");
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw DeviceError("out of GPU memory: asked for " + mebibytes(bytes) + ", " + mebibytes(free) + " of " +
                      mebibytes(total) + " are free; use a smaller batch");
  }
  check(status, "cudaMalloc");
  return memory;
}

void CudaStream::release(void* memory) noexcept {
  if (handles_->recording)
    handles_->released_while_recording.push_back(memory);
  else
    cudaFree(memory);
}

void* CudaStream::allocate_staging(size_t bytes) {
  enter_eagerly(*handles_, "allocating pinned host memory");
  void* memory = nullptr;
  const cudaError_t status = cudaMallocHost(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw DeviceError("out of pinned host memory: asked for " + mebibytes(bytes));
  }
  check(status, "cudaMallocHost");
  return memory;
}

void CudaStream::release_staging(void* memory) noexcept {
  if (!handles_->recording) cudaStreamSynchronize(handles_->stream);  // a copy may still be writing to it
  cudaFreeHost(memory);
}

void CudaStream::copy_from_host(const void* host, void* device, size_t bytes) {
  enter_eagerly(*handles_, "copying from the host");
  handles_->uploads.copy(host, device, bytes, handles_->stream);
}

void CudaStream::copy_to_host(const void* device, void* host, size_t bytes) {
  enter_eagerly(*handles_, "reading a value");
  if (bytes) check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, handles_->stream), "copy from the GPU");
  synchronize();
}

void CudaStream::copy_to_staging(const void* device, void* host, size_t bytes) {
  enter_eagerly(*handles_, "reading a value");
  if (bytes) check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, handles_->stream), "copy from the GPU");
}

std::unique_ptr<Event> CudaStream::mark() {
  enter_eagerly(*handles_, "marking an event");
  return std::make_unique<StreamEvent>(*handles_);
}

void CudaStream::synchronize() {
  enter_eagerly(*handles_, "waiting for the GPU");
  check(cudaStreamSynchronize(handles_->stream), "work on the GPU");
}

void* CudaStream::workspace(size_t bytes) {
  if (bytes <= workspace_bytes_ && !workspaces_.empty()) return workspaces_.back();
  if (handles_->recording)
    throw DeviceError("a workspace of " + mebibytes(bytes) + " is asked for while a phase is recorded, " +
                      mebibytes(workspace_bytes_) + " exist: run the phase once before recording it");
  constexpr size_t kSmallest = size_t{1} << 20;
  const size_t grown = std::max({bytes, 2 * workspace_bytes_, kSmallest});
  workspaces_.reserve(workspaces_.size() + 1);
  workspaces_.push_back(allocate(grown));
  workspace_bytes_ = grown;
  ++workspace_growths_;
  return workspaces_.back();
}

void CudaStream::push_range(const char* name) { nvtxRangePushA(name); }

void CudaStream::pop_range() { nvtxRangePop(); }

}  // namespace wasserkern
