#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "kernels/export.h"

namespace wasserkern {

/// A file that is replaced whole or not at all: spans are written to `<path>.partial`, and commit() syncs it, renames
/// it to `path` and syncs the folder, so that at any moment, power failure included, `path` is the old file or the new
/// one. Every failure throws a DataError with the path and the system's reason, and leaves the old file and no partial
/// one. What a killed process left behind is overwritten by the next writer; of two writers at once the second is
/// refused.
class WASSERKERN_API AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  /// Without a commit before, the partial file is removed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. After an error only the destructor may follow.
  void write(std::span<const std::byte> bytes);
  /// Replaces the first bytes of what was written: a header that was not known yet.
  void overwrite_front(std::span<const std::byte> bytes);
  /// The last call.
  void commit();

 private:
  void open_partial();
  void discard() noexcept;
  [[noreturn]] void fail(const std::string& action, int error);

  std::filesystem::path path_;
  std::filesystem::path partial_;
  int descriptor_ = -1;
};

}  // namespace wasserkern
