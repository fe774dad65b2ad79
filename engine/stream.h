#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "engine/device.h"
#include "kernels/stream.h"

namespace wasserkern {

/// Either backend. This file and device.cpp are the only ones that know whether the build has CUDA.
class Stream {
 public:
  template <class... Arguments>
  explicit Stream(Arguments&&... arguments) : backend_(std::forward<Arguments>(arguments)...) {}

  template <class Visitor>
  decltype(auto) visit(Visitor&& visitor) {
    return std::visit(std::forward<Visitor>(visitor), backend_);
  }
  template <class Backend>
  bool is() const {
    return std::holds_alternative<Backend>(backend_);
  }

 private:
#if WASSERKERN_CUDA
  std::variant<CpuStream, CudaStream> backend_;
#else
  std::variant<CpuStream> backend_;
#endif
};

/// Runs `kernel(stream)` on the device, or records it. The kernel is copied, and may run again: it holds views only.
template <class Kernel>
void submit(Device& device, Kernel kernel) {
  device.stream().visit([&](auto& stream) { stream.submit(kernel); });
}

/// A named part of a profiler's time line, for as long as it lives.
class ProfilerRange {
 public:
  ProfilerRange(Device& device, const char* name) : device_(device) {
    device_.stream().visit([&](auto& stream) { stream.push_range(name); });
  }
  ~ProfilerRange() {
    device_.stream().visit([](auto& stream) { stream.pop_range(); });
  }
  ProfilerRange(const ProfilerRange&) = delete;
  ProfilerRange& operator=(const ProfilerRange&) = delete;

 private:
  Device& device_;
};

}  // namespace wasserkern
