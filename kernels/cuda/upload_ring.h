#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "kernels/cuda/check.h"

namespace wasserkern::cuda {

/// Pinned memory through which ordinary host memory reaches the device. The caller may reuse its memory at once, and
/// the stream is not waited for unless more than the ring's size is under way.
class UploadRing {
 public:
  UploadRing() = default;
  ~UploadRing() {
    for (Slot& slot : slots_) {
      if (slot.sent) cudaEventDestroy(slot.sent);
      if (slot.memory) cudaFreeHost(slot.memory);
    }
  }
  UploadRing(const UploadRing&) = delete;
  UploadRing& operator=(const UploadRing&) = delete;

  void copy(const void* host, void* device, size_t bytes, cudaStream_t stream) {
    for (size_t done = 0; done < bytes;) {
      const size_t piece = std::min(kSlotBytes, bytes - done);
      Slot& slot = next();
      std::memcpy(slot.memory, static_cast<const char*>(host) + done, piece);
      check(cudaMemcpyAsync(static_cast<char*>(device) + done, slot.memory, piece, cudaMemcpyHostToDevice, stream),
            "copy to the GPU");
      check(cudaEventRecord(slot.sent, stream), "cudaEventRecord");
      done += piece;
    }
  }

 private:
  static constexpr size_t kSlotBytes = size_t{1} << 20;

  struct Slot {
    void* memory = nullptr;
    cudaEvent_t sent = nullptr;
  };

  /// The slot that has waited longest, free to be filled.
  Slot& next() {
    Slot& slot = slots_[turn_];
    turn_ = (turn_ + 1) % slots_.size();
    if (!slot.memory) check(cudaMallocHost(&slot.memory, kSlotBytes), "cudaMallocHost");
    if (!slot.sent) check(cudaEventCreateWithFlags(&slot.sent, cudaEventDisableTiming), "cudaEventCreate");
    check(cudaEventSynchronize(slot.sent), "copy to the GPU");
    return slot;
  }

  std::array<Slot, 4> slots_;
  size_t turn_ = 0;
};

}  // namespace wasserkern::cuda
