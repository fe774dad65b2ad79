#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "engine/memory.h"
#include "kernels/export.h"

namespace wasserkern {

class PackedWeights;
class Stream;

struct DeviceOptions {
  std::string name = "auto";  // cpu, cuda, or auto: the GPU when there is one
  int threads = 0;            // of the CPU; 0: as many as it has
  bool tf32 = false;          // products and convolutions on CUDA may round their factors to TF32
};

/// A place where tensors live and kernels run, in order: the CPU with its threads, or one GPU's stream. One thread owns
/// it; everything made on it must go before it.
class WASSERKERN_API Device {
 public:
  /// Throws DeviceError when `cuda` is asked for and the build or the machine lacks it, and says which.
  explicit Device(const DeviceOptions& options = {});
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  bool is_cuda() const;
  /// The device taken and why: "cpu (auto: this build has no CUDA)".
  std::string choice() const;
  /// What bit-identical runs must share: hardware, instruction set, threads, library versions. Law 6.
  std::string description() const;

  /// Waits for all work; throws DeviceError if some of it failed.
  void synchronize();

  /// Where new tensors get their memory.
  const std::shared_ptr<Pool>& pool() const;
  std::shared_ptr<Pool> make_pool();
  /// Times that any pool or kernel workspace of this device asked the system for memory.
  int64_t memory_growths() const;

  /// Throws an Error naming `what` when a phase is running: inside, only tensor ops may run. Law 5.
  void forbid_in_phase(const char* what) const;

  /// For the engine: the stream that holds either backend (engine/stream.h).
  Stream& stream() const;
  /// For convolutions.
  PackedWeights& packed_weights() const;

 private:
  friend class Phases;
  /// Until leave_phase, new tensors come from `pool`, and the host may not look.
  void enter_phase(const char* name, std::shared_ptr<Pool> pool);
  void leave_phase() noexcept;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wasserkern
