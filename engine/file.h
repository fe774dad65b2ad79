#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/export.h"

namespace wasserkern {

/// The whole of a regular file. Throws DataError when it is missing, unreadable, a folder, a pipe or a device.
WASSERKERN_API std::vector<std::byte> read_file(const std::filesystem::path& path);

/// The bytes of a regular file as the system's page cache has them: nothing is copied, and processes share them. Meant
/// for files that are only ever replaced (atomic_file.h): reading on where another process has cut one short ends the
/// program. Throws DataError as read_file does.
class WASSERKERN_API MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  /// Asks the system for all of it, from front to back, and does not wait: who reads here and there would wait for the
  /// disk every time.
  void read_ahead() const;

 private:
  std::span<const std::byte> bytes_;
};

/// Text from outside, made fit for a one-line message: control characters become \xNN, and what is longer than a path
/// can be is cut.
WASSERKERN_API std::string printable(std::string_view text);

}  // namespace wasserkern
