#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <string>

#include "kernels/error.h"

namespace wasserkern::cuda {

/// Throws DeviceError with `what` failed and CUDA's words for it.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // an error that is thrown is not reported again by the next launch
  throw DeviceError(std::string(what) + " failed: " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) +
                    ")");
}

inline void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError(std::string(what) + " failed: " + cublasGetStatusString(status));
}

}  // namespace wasserkern::cuda
