#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/export.h"

namespace wasserkern {

/// The element types of the safetensors format that are read and written.
enum class DType { U8, I32, F32, I64, U64, F64 };

/// A named array; its bytes, row-major and little-endian, belong to somebody else.
struct TensorEntry {
  std::string name;
  DType type = DType::F32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};

/// Free text that goes with a file, e.g. what is needed to resume.
using SafetensorsMetadata = std::map<std::string, std::string>;

/// A safetensors file in memory. Reading trusts nothing: the length of the header, every field's type, the size of
/// every tensor and the gapless order of the data are checked, memory stays in proportion to the file, and whatever is
/// wrong is a DataError with the file's name.
class WASSERKERN_API SafetensorsFile {
 public:
  static SafetensorsFile read(const std::filesystem::path& path);
  /// The same from memory; `name` stands for the file in messages.
  static SafetensorsFile parse(std::vector<std::byte> bytes, std::string_view name);

  // Entries point into the bytes, which a move leaves in place and a copy would not.
  SafetensorsFile(SafetensorsFile&&) = default;
  SafetensorsFile& operator=(SafetensorsFile&&) = default;
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  /// In the order of their bytes.
  const std::vector<TensorEntry>& entries() const { return entries_; }
  const SafetensorsMetadata& metadata() const { return metadata_; }
  bool contains(std::string_view name) const { return index_.contains(name); }
  /// Throws DataError when there is no such tensor.
  const TensorEntry& at(std::string_view name) const;

 private:
  SafetensorsFile() = default;

  std::string name_;
  std::vector<std::byte> bytes_;
  std::vector<TensorEntry> entries_;
  std::map<std::string, size_t, std::less<>> index_;
  SafetensorsMetadata metadata_;
};

/// Replaces `path` by a safetensors file of these tensors, atomically. Wider elements come first, so that every tensor
/// is aligned; within a width the order is kept. Throws ShapeError when bytes and shape differ, UsageError for a name
/// that is taken or is not UTF-8, DataError when the file cannot be written.
WASSERKERN_API void write_safetensors(const std::filesystem::path& path, std::span<const TensorEntry> tensors,
                                      const SafetensorsMetadata& metadata = {});

}  // namespace wasserkern
