#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kernels/export.h"

namespace wasserkern::data {

/// Reads bytes that came raw or gzipped (one or more members; told apart by gzip's magic) from front to back. Nothing
/// is allocated for what it reads: the caller, who knows from a header or a format how much to expect, brings the room.
/// Throws DataError with `name`, the file's, when there is less, when there is more, and when gzip's checksum does not
/// match.
class WASSERKERN_API ByteReader {
 public:
  /// `bytes` must outlive the reader.
  ByteReader(std::span<const std::byte> bytes, std::string_view name);
  ~ByteReader();
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;

  /// Fills `out`.
  void read(std::span<uint8_t> out);
  /// Fills as much of `out` as there are bytes left, for formats without a header, and returns how many; 0 at the end,
  /// as finish() finds it.
  size_t read_some(std::span<uint8_t> out);
  /// The last call: everything was read.
  void finish();
  /// An upper bound of what can be read in all: check the size that a header promises against it, then allocate.
  uint64_t capacity() const;

  const std::string& name() const { return name_; }

 private:
  struct Inflater;

  size_t inflate_some(std::span<uint8_t> out);

  std::span<const std::byte> bytes_;  // what is still to be read
  std::string name_;
  uint64_t capacity_;
  std::unique_ptr<Inflater> inflater_;  // none for raw bytes
};

/// FOLDER/NAME, or FOLDER/NAME.gz where only that exists; none where neither does.
WASSERKERN_API std::optional<std::filesystem::path> raw_or_gzipped(const std::filesystem::path& folder,
                                                                   const std::string& name);

}  // namespace wasserkern::data
