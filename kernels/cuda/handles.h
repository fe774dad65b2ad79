#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <vector>

#include "kernels/cuda/upload_ring.h"
#include "kernels/stream.h"

namespace wasserkern {

/// What a CudaStream owns; released with it, also when its constructor throws half-way.
struct CudaStream::Handles {
  int device = 0;
  int multiprocessors = 1;
  cudaStream_t stream = nullptr;
  cublasHandle_t cublas = nullptr;
  void* cublas_workspace = nullptr;
  bool tf32 = false;
  bool recording = false;
  /// Nothing can be freed during a capture: these are freed after it.
  std::vector<void*> released_while_recording;
  cuda::UploadRing uploads;

  Handles() = default;
  ~Handles();
};

}  // namespace wasserkern
