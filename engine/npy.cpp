#include "engine/npy.h"

#include <bit>
#include <string>

#include "engine/atomic_file.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");

/// Magic, version and length, then a Python dictionary, filled up with blanks so that the values are aligned.
std::string header_of(const Shape& shape) {
  std::string extents;
  for (int axis = 0; axis < shape.rank(); ++axis) extents += std::to_string(shape[axis]) + ", ";
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + extents + ")}";

  constexpr size_t kPrefix = 10, kAlignment = 64;
  const size_t unaligned = (kPrefix + text.size() + 1) % kAlignment;
  text.append((kAlignment - unaligned) % kAlignment, ' ');
  text += '\n';
  const std::string version = {1, 0};
  const std::string length = {static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return "\x93NUMPY" + version + length + text;
}

}  // namespace

void write_npy(const std::filesystem::path& path, const Shape& shape, std::span<const float> values) {
  if (shape.size() != static_cast<int64_t>(values.size()))
    throw ShapeError("write_npy: " + std::to_string(values.size()) + " values for the shape " + shape.text());
  const std::string header = header_of(shape);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  file.write(std::as_bytes(values));
  file.commit();
}

}  // namespace wasserkern
