#pragma once

#include <span>
#include <vector>

#include "engine/device.h"
#include "engine/host_copy.h"
#include "kernels/view.h"

namespace wasserkern {

/// Elements of any plain type on a device, outside the tape: indices, counters, bytes. Copies share memory.
template <class T>
class Array {
 public:
  Array() = default;
  /// Not initialised.
  Array(Device& device, int64_t size)
      : device_(&device), storage_(new Storage(device.pool(), static_cast<size_t>(size) * sizeof(T))), size_(size) {}
  Array(Device& device, std::span<const T> host) : Array(device, static_cast<int64_t>(host.size())) {
    copy_from_host(device, host.data(), data(), host.size_bytes());
  }

  Device& device() const { return *device_; }
  int64_t size() const { return size_; }
  T* data() const { return static_cast<T*>(storage_->data()); }
  Vector<T> vector() const { return {data(), size_}; }
  bool defined() const { return device_ != nullptr; }

  /// Waits for the device; throws inside a phase.
  std::vector<T> to_host() const {
    std::vector<T> host(static_cast<size_t>(size_));
    copy_to_host(*device_, data(), host.data(), host.size() * sizeof(T));
    return host;
  }

 private:
  Device* device_ = nullptr;
  Ref<Storage> storage_;
  int64_t size_ = 0;
};

}  // namespace wasserkern
