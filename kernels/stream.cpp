#include "kernels/stream.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/onednn/product.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

constexpr size_t kAlignment = 64;

class Closures final : public Recording {
 public:
  explicit Closures(std::vector<std::function<void()>> closures) : closures_(std::move(closures)) {}
  void replay() override {
    for (const auto& closure : closures_) closure();
  }

 private:
  std::vector<std::function<void()>> closures_;
};

/// Kernels on the CPU have ended when they return.
class Passed final : public Event {
 public:
  bool reached() const override { return true; }
};

}  // namespace

CpuStream::CpuStream(int threads) : threads_(threads) {
  if (threads < 1) throw UsageError("CPU device: " + std::to_string(threads) + " threads; at least 1 is needed");
}

CpuStream::~CpuStream() { release(workspace_); }

std::string CpuStream::description() const {
  return std::string("cpu, ") + isa_name() + ", threads " + std::to_string(threads_) + ", oneDNN " + onednn::version();
}

void CpuStream::begin_recording() {
  recorded_.clear();
  recording_ = true;
}

std::unique_ptr<Recording> CpuStream::end_recording() {
  recording_ = false;
  return std::make_unique<Closures>(std::exchange(recorded_, {}));
}

void CpuStream::abandon_recording() noexcept {
  recording_ = false;
  recorded_.clear();
}

void* CpuStream::allocate(size_t bytes) {
  const size_t rounded = std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  void* memory = bytes > rounded ? nullptr : std::aligned_alloc(kAlignment, rounded);
  if (!memory) throw DeviceError("CPU memory: " + std::to_string(bytes) + " bytes are not to be had");
  return memory;
}

void CpuStream::release(void* memory) noexcept { std::free(memory); }

void CpuStream::copy_from_host(const void* host, void* device, size_t bytes) {
  if (bytes > 0) std::memcpy(device, host, bytes);
}

void CpuStream::copy_to_host(const void* device, void* host, size_t bytes) {
  if (bytes > 0) std::memcpy(host, device, bytes);
}

void CpuStream::copy_to_staging(const void* device, void* host, size_t bytes) { copy_to_host(device, host, bytes); }

std::unique_ptr<Event> CpuStream::mark() { return std::make_unique<Passed>(); }

void* CpuStream::workspace(size_t bytes) {
  if (bytes > workspace_bytes_ || !workspace_) {
    const size_t grown = std::max(bytes, workspace_bytes_ * 2);
    void* memory = allocate(grown);
    release(workspace_);
    workspace_ = memory;
    workspace_bytes_ = grown;
    ++workspace_growths_;
  }
  return workspace_;
}

}  // namespace wasserkern
