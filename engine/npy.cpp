#include "engine/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <string>
#include <vector>

#include "engine/atomic_file.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");

constexpr char kFloats[] = "<f4", kBytes[] = "|u1";
constexpr size_t kPrefix = 10, kAlignment = 64, kLongestHeader = 256;

/// Magic, version and length, then a Python dictionary, filled up with blanks so that the values are aligned.
std::string header_of(const std::string& type, const Shape& shape) {
  std::string extents;
  for (int axis = 0; axis < shape.rank(); ++axis) extents += std::to_string(shape[axis]) + ", ";
  std::string text = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + extents + ")}";

  const size_t unaligned = (kPrefix + text.size() + 1) % kAlignment;
  text.append((kAlignment - unaligned) % kAlignment, ' ');
  text += '\n';
  const std::string version = {1, 0};
  const std::string length = {static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return "\x93NUMPY" + version + length + text;
}

/// The numbers between a header's parentheses. Sloppily: the caller compares with the header of this shape.
Shape shape_in(std::string_view header) {
  const size_t begin = header.find('(');
  std::vector<int64_t> extents;
  for (size_t place = begin + 1; begin != header.npos && place < header.size() && extents.size() < Shape::kMaxRank;) {
    int64_t extent = 0;
    const auto [stop, error] = std::from_chars(header.data() + place, header.data() + header.size(), extent);
    if (error != std::errc()) break;
    extents.push_back(extent);
    place = static_cast<size_t>(stop - header.data()) + 2;
  }
  Shape shape;
  for (; !extents.empty(); extents.pop_back()) shape = shape.batch_of(extents.back());
  return shape;
}

}  // namespace

void write_npy(const std::filesystem::path& path, const Shape& shape, std::span<const float> values) {
  if (shape.size() != static_cast<int64_t>(values.size()))
    throw ShapeError("write_npy: " + std::to_string(values.size()) + " values for the shape " + shape.text());
  const std::string header = header_of(kFloats, shape);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  file.write(std::as_bytes(values));
  file.commit();
}

std::string npy_bytes_header(const Shape& shape) { return header_of(kBytes, shape); }

NpyBytes take_npy_bytes(std::span<const std::byte>& bytes, std::string_view name) {
  const auto fail = [&](const std::string& what) { throw DataError(printable(name) + ": " + what); };
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLongestHeader));
  const size_t header_size = text.find('\n') + 1;  // 0 without one
  const std::string_view header = text.substr(0, header_size);
  NpyBytes array;
  try {
    array.shape = shape_in(header);
  } catch (const ShapeError& error) {
    fail(error.what());
  }
  if (header_size == 0 || header != npy_bytes_header(array.shape))
    fail("is no array of bytes as this program writes it");
  const auto size = static_cast<uint64_t>(array.shape.size());
  if (bytes.size() - header_size < size)
    fail("its array " + array.shape.text() + " is not all there; " + std::to_string(bytes.size() - header_size) +
         " bytes are left in the file");
  array.values = bytes.subspan(header_size, size);
  bytes = bytes.subspan(header_size + size);
  return array;
}

}  // namespace wasserkern
