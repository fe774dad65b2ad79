#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shape.h"
#include "kernels/export.h"

namespace wasserkern {

/// Replaces `path` by an array in NumPy's format (version 1.0, float32, row-major), atomically. Throws ShapeError when
/// the values are not as many as the shape says, DataError when the file cannot be written.
WASSERKERN_API void write_npy(const std::filesystem::path& path, const Shape& shape, std::span<const float> values);
/// The same in float64.
WASSERKERN_API void write_npy(const std::filesystem::path& path, const Shape& shape, std::span<const double> values);

/// An array of floats as it lies in a file's bytes, which it refers to.
struct WASSERKERN_API NpyFloats {
  Shape shape;
  bool is_double;  // float64, else float32
  std::span<const std::byte> values;

  /// Each rounded to the nearest float; what is out of a float's range becomes infinite.
  std::vector<float> to_floats() const;
  std::vector<double> to_doubles() const;
};

/// A whole file in NumPy's format, version 1 or 2, of little-endian float32 or float64 in C order. Throws DataError
/// with `name` for any other bytes; nothing is allocated by what they claim.
WASSERKERN_API NpyFloats parse_npy_floats(std::span<const std::byte> file, std::string_view name);

/// What an array of unsigned bytes in that format starts with; its values follow. 128 bytes for all shapes of one rank
/// that images have, so that a header can be written before the count is known.
WASSERKERN_API std::string npy_bytes_header(const Shape& shape);

struct NpyBytes {
  Shape shape;
  std::span<const std::byte> values;
};

/// Takes the array that `bytes` start with, npy_bytes_header and values, off their front: arrays may follow one
/// another, as numpy.save and numpy.load have them in one file. Throws DataError with `name` for anything else.
WASSERKERN_API NpyBytes take_npy_bytes(std::span<const std::byte>& bytes, std::string_view name);

}  // namespace wasserkern
