#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/array.h"
#include "engine/parameters.h"
#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

/// The state of a run as one safetensors file. The same `visit` calls write and restore it: an object hands over its
/// state by name and needs not know which.
class WASSERKERN_API Checkpoint {
 public:
  /// To write: visits collect the state, commit writes it.
  Checkpoint();
  /// To restore: reads the file; throws DataError when it is missing, damaged, or not a checkpoint.
  explicit Checkpoint(const std::string& path);
  ~Checkpoint();

  /// Copies to the checkpoint, or from it. Restoring throws DataError when the entry is missing or has another shape.
  void visit(const std::string& name, const Tensor& tensor);
  void visit(const std::string& name, const Array<double>& array);
  void visit(const std::string& name, uint64_t& value);
  /// Every parameter by its own name, as `prefix.name`. Those of rank 4 are the weights of convolutions, which are OHWI
  /// in memory and OIHW in the file, as other programs have them.
  void visit(const std::string& prefix, const Parameters& parameters);

  bool restoring() const;
  /// Free text beside the values, such as the device's description; empty if absent.
  void set_note(const std::string& key, const std::string& text);
  std::string note(const std::string& key) const;

  /// Writes beside, syncs, renames: the file is the old one or the new one, whatever happens. Throws DataError.
  void commit(const std::string& path) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wasserkern
