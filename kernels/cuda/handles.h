#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <memory>
#include <vector>

#include "kernels/cuda/upload_ring.h"
#include "kernels/stream.h"

namespace wasserkern {

namespace cudnn {
class Plans;
}

/// What a CudaStream owns; released with it, also when its constructor throws half-way.
struct CudaStream::Handles {
  int device = 0;
  int multiprocessors = 1;
  cudaStream_t stream = nullptr;
  cublasHandle_t cublas = nullptr;
  void* cublas_workspace = nullptr;
  std::shared_ptr<cudnn::Plans> cudnn_plans;  // from the first convolution on
  bool tf32 = false;
  bool recording = false;
  /// Nothing can be freed during a capture: these are freed after it.
  std::vector<void*> released_while_recording;
  cuda::UploadRing uploads;

  Handles() = default;
  ~Handles();
};

}  // namespace wasserkern
