#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "tests/files.h"

/// safetensors data made by hand, well-formed or not.
namespace wasserkern::testing {

/// `file` with another header length at its front.
inline Bytes with_length(Bytes file, uint64_t length) {
  std::memcpy(file.data(), &length, sizeof length);
  return file;
}

/// A file with this header and `data` bytes 0, 1, 2, ... of data.
inline Bytes safetensors_bytes(std::string_view header, size_t data) {
  Bytes bytes = joined(Bytes(sizeof(uint64_t)), to_bytes(header));
  for (size_t i = 0; i < data; ++i) bytes.push_back(static_cast<std::byte>(i));
  return with_length(std::move(bytes), header.size());
}

}  // namespace wasserkern::testing
