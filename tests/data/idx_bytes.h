#pragma once

#include <zlib.h>

#include <cstdint>
#include <initializer_list>
#include <stdexcept>

#include "tests/files.h"

/// IDX and gzip data made by hand, well-formed or not.
namespace wasserkern::testing {

/// The header of an IDX file: element type, number of dimensions, sizes.
inline Bytes idx_header(uint8_t type, uint8_t dimensions, std::initializer_list<uint32_t> sizes) {
  Bytes bytes{std::byte{0}, std::byte{0}, std::byte{type}, std::byte{dimensions}};
  for (const uint32_t size : sizes) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::byte>(size >> shift & 255));
  }
  return bytes;
}

/// 0, 1, 2, ... modulo 251, a prime, so that rows of usual widths differ.
inline Bytes counting_bytes(size_t count) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i % 251);
  return bytes;
}

inline Bytes idx_images(uint32_t count, uint32_t height, uint32_t width) {
  return joined(idx_header(8, 3, {count, height, width}), counting_bytes(size_t{count} * height * width));
}

inline Bytes idx_labels(uint32_t count) { return joined(idx_header(8, 1, {count}), counting_bytes(count)); }

inline Bytes gzip(const Bytes& bytes) {
  z_stream stream = {};
  constexpr int gzip_format = 16 + MAX_WBITS;
  if (deflateInit2(&stream, 9, Z_DEFLATED, gzip_format, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  Bytes packed(deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::logic_error("deflate did not finish");
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace wasserkern::testing
