#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/stream.h"

namespace wasserkern {

/// Runs the parts of a training step: each body once eagerly, once while it is recorded, then as a replay that neither
/// builds a tape nor asks for memory. Same bits every way. Law 5.
class WASSERKERN_API Phases {
 public:
  /// With `eager` nothing is ever recorded.
  Phases(Device& device, Random& random, bool eager);

  /// One call of the phase `name`. The body holds tensor ops only, and is the same at every call with the same slot
  /// shapes; what it assigns to outer tensors keeps its address once recorded.
  void run(const std::string& name, const std::function<void()>& body);

  /// A tensor to be filled between phases; recordings are keyed by the rows in use of every slot.
  Tensor slot(const Shape& shape);

  /// Calls so far: the step of the next call's random numbers is one more. A checkpoint keeps it.
  uint64_t calls() const { return calls_; }
  void set_calls(uint64_t calls) { calls_ = calls; }

 private:
  struct Entry {
    std::shared_ptr<Pool> pool;
    bool has_run = false;
    std::unique_ptr<Recording> recording;
  };
  std::string key(const std::string& name) const;
  void record(Entry& entry, const std::function<void()>& body);

  Device& device_;
  Random& random_;
  bool eager_;
  uint64_t calls_ = 0;
  std::vector<Tensor> slots_;
  std::map<std::string, Entry> entries_;
};

}  // namespace wasserkern
