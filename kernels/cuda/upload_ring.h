#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "kernels/cuda/check.h"

namespace wasserkern::cuda {

/// The way of ordinary host memory to the device, which the caller may reuse at once: through pinned memory, over the
/// bus on a stream of its own while the compute stream works, then from the device's side of the ring to its place in
/// the compute stream's order, at the speed of the device's memory. Nothing is waited for unless the host is a whole
/// ring ahead of the bus.
class UploadRing {
 public:
  UploadRing() = default;
  /// All work must be done.
  ~UploadRing() {
    for (const Slot& slot : slots_) {
      if (slot.sent) cudaEventDestroy(slot.sent);
      if (slot.taken) cudaEventDestroy(slot.taken);
    }
    cudaFreeHost(pinned_);
    cudaFree(staged_);
    if (bus_) cudaStreamDestroy(bus_);
  }
  UploadRing(const UploadRing&) = delete;
  UploadRing& operator=(const UploadRing&) = delete;

  /// The events order what shares memory: the bus may fill a slot's device memory again when the compute stream has
  /// taken the last upload out of it, and the host its pinned memory when the bus has sent it.
  void copy(const void* host, void* device, size_t bytes, cudaStream_t compute) {
    if (bytes > 0) open();
    for (size_t done = 0; done < bytes;) {
      const size_t piece = std::min(kSlotBytes, bytes - done);
      const size_t place = turn_ * kSlotBytes;
      const Slot& slot = slots_[turn_];
      turn_ = (turn_ + 1) % slots_.size();

      wait(slot.sent);
      std::memcpy(pinned_ + place, static_cast<const char*>(host) + done, piece);
      check(cudaStreamWaitEvent(bus_, slot.taken, 0), "cudaStreamWaitEvent");
      check(cudaMemcpyAsync(staged_ + place, pinned_ + place, piece, cudaMemcpyHostToDevice, bus_), "copy to the GPU");
      check(cudaEventRecord(slot.sent, bus_), "cudaEventRecord");
      check(cudaStreamWaitEvent(compute, slot.sent, 0), "cudaStreamWaitEvent");
      check(
          cudaMemcpyAsync(static_cast<char*>(device) + done, staged_ + place, piece, cudaMemcpyDeviceToDevice, compute),
          "copy on the GPU");
      check(cudaEventRecord(slot.taken, compute), "cudaEventRecord");
      done += piece;
    }
  }

 private:
  static constexpr size_t kSlotBytes = size_t{1} << 20;

  /// A megabyte at the same place of the pinned and of the device's memory.
  struct Slot {
    cudaEvent_t sent = nullptr;   // over the bus
    cudaEvent_t taken = nullptr;  // out of the ring
  };

  /// All of it at the first upload: later ones, which belong to training steps, allocate nothing.
  void open() {
    if (!bus_) check(cudaStreamCreateWithFlags(&bus_, cudaStreamNonBlocking), "cudaStreamCreate");
    void* memory = nullptr;
    if (!pinned_) {
      check(cudaMallocHost(&memory, kSlotBytes * slots_.size()), "cudaMallocHost");
      pinned_ = static_cast<char*>(memory);
    }
    if (!staged_) {
      check(cudaMalloc(&memory, kSlotBytes * slots_.size()), "cudaMalloc");
      staged_ = static_cast<char*>(memory);
    }
    for (Slot& slot : slots_)
      for (cudaEvent_t* event : {&slot.sent, &slot.taken})
        if (!*event) check(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "cudaEventCreate");
  }

  static void wait(cudaEvent_t event) {
    const cudaError_t status = cudaEventQuery(event);
    if (status != cudaErrorNotReady) return check(status, "copy to the GPU");
    cudaGetLastError();  // "not ready" must not look like a failed launch
    check(cudaEventSynchronize(event), "copy to the GPU");
  }

  cudaStream_t bus_ = nullptr;
  char* pinned_ = nullptr;
  char* staged_ = nullptr;
  std::array<Slot, 4> slots_;
  size_t turn_ = 0;
};

}  // namespace wasserkern::cuda
