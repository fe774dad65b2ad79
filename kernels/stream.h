#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/export.h"

namespace wasserkern {

/// A submitted sequence of kernels that can run again with the same memory. Law 5.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
};

/// A point in a stream's work that the host can ask about without waiting.
class Event {
 public:
  virtual ~Event() = default;
  virtual bool reached() const = 0;
};

/// Runs kernels on the calling thread and `threads` OpenMP threads, each to its end before the next.
/// CpuStream and CudaStream have the same members, so that the engine can visit either.
class WASSERKERN_API CpuStream {
 public:
  /// Throws UsageError unless threads >= 1.
  explicit CpuStream(int threads);
  ~CpuStream();
  CpuStream(const CpuStream&) = delete;
  CpuStream& operator=(const CpuStream&) = delete;

  int threads() const { return threads_; }
  /// Instruction set, threads and library versions: what bit-identical runs must share. Law 6.
  std::string description() const;

  /// Runs `kernel(*this)`, and keeps a copy of it when recording.
  template <class Kernel>
  void submit(Kernel kernel) {
    if (recording_) recorded_.push_back([this, kernel] { kernel(*this); });
    kernel(*this);
  }
  /// Between the two every submitted kernel runs and is kept.
  void begin_recording();
  std::unique_ptr<Recording> end_recording();
  /// Drops what was recorded; for a phase that threw.
  void abandon_recording() noexcept;

  /// 64-byte aligned memory; throws DeviceError when there is none.
  void* allocate(size_t bytes);
  void release(void* memory) noexcept;
  /// Host memory that asynchronous copies can use.
  void* allocate_staging(size_t bytes) { return allocate(bytes); }
  void release_staging(void* memory) noexcept { release(memory); }
  void copy_from_host(const void* host, void* device, size_t bytes);
  /// Returns when `host` is filled.
  void copy_to_host(const void* device, void* host, size_t bytes);
  /// `host` must be staging memory; it is filled when a later event is reached.
  void copy_to_staging(const void* device, void* host, size_t bytes);
  std::unique_ptr<Event> mark();
  void synchronize() {}

  /// Scratch for one kernel call, 64-byte aligned; contents are lost at the next call that asks.
  void* workspace(size_t bytes);
  /// How often workspaces have grown.
  size_t workspace_growths() const { return workspace_growths_; }

  /// Names what follows in a profiler; nothing on the CPU.
  void push_range(const char*) {}
  void pop_range() {}

 private:
  int threads_;
  bool recording_ = false;
  std::vector<std::function<void()>> recorded_;
  void* workspace_ = nullptr;
  size_t workspace_bytes_ = 0;
  size_t workspace_growths_ = 0;
};

/// One CUDA stream of one GPU with its handles of cuBLAS and cuDNN and its workspace. Exists in builds with CUDA only.
class WASSERKERN_API CudaStream {
 public:
  struct Options {
    int device = 0;
    bool tf32 = false;
  };
  /// Empty if the machine has a usable GPU, else why it has none.
  static std::string unavailable();

  /// Throws DeviceError when the GPU cannot be used.
  explicit CudaStream(Options options);
  ~CudaStream();
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  std::string description() const;

  /// Enqueues `kernel(*this)`; while recording the work is captured and does not run.
  template <class Kernel>
  void submit(Kernel kernel) {
    kernel(*this);
  }
  void begin_recording();
  /// The captured graph, launched once, so that a recorded run has run on either stream.
  std::unique_ptr<Recording> end_recording();
  void abandon_recording() noexcept;

  void* allocate(size_t bytes);
  void release(void* memory) noexcept;
  void* allocate_staging(size_t bytes);
  void release_staging(void* memory) noexcept;
  void copy_from_host(const void* host, void* device, size_t bytes);
  void copy_to_host(const void* device, void* host, size_t bytes);
  void copy_to_staging(const void* device, void* host, size_t bytes);
  std::unique_ptr<Event> mark();
  void synchronize();

  /// As CpuStream; outgrown workspaces stay alive, because recorded graphs point into them.
  void* workspace(size_t bytes);
  size_t workspace_growths() const { return workspace_growths_; }

  void push_range(const char* name);
  void pop_range();

  /// The CUDA objects, for kernels; defined in kernels/cuda/handles.h.
  struct Handles;
  Handles& handles() { return *handles_; }

 private:
  std::unique_ptr<Handles> handles_;
  std::vector<void*> workspaces_;
  size_t workspace_bytes_ = 0;
  size_t workspace_growths_ = 0;
};

}  // namespace wasserkern
