#include "engine/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "engine/atomic_file.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");

constexpr char kFloats[] = "<f4", kDoubles[] = "<f8", kBytes[] = "|u1", kMagic[] = "\x93NUMPY";
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
  return kMagic + version + length + text;
}

template <class T>
void write_array(const std::filesystem::path& path, const char* type, const Shape& shape, std::span<const T> values) {
  if (shape.size() != static_cast<int64_t>(values.size()))
    throw ShapeError("write_npy: " + std::to_string(values.size()) + " values for the shape " + shape.text());
  const std::string header = header_of(type, shape);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  file.write(std::as_bytes(values));
  file.commit();
}

Shape shape_of(std::vector<int64_t> extents) {
  Shape shape;
  for (; !extents.empty(); extents.pop_back()) shape = shape.batch_of(extents.back());
  return shape;
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
  return shape_of(std::move(extents));
}

/// The Python dictionary that is a header: three entries, in any order and with any blanks.
class Header {
 public:
  std::optional<std::string> type;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> extents;

  /// Whether all of `text` is such a dictionary.
  bool parse(std::string_view text) {
    rest_ = text;
    if (!take("{")) return false;
    while (!take("}")) {
      const std::optional<std::string> key = quoted();
      if (!key || !take(":") || !entry(*key)) return false;
      if (!take(",")) {
        if (!take("}")) return false;
        break;
      }
    }
    skip_blanks();
    return rest_.empty() && type && fortran_order && extents;
  }

 private:
  bool entry(const std::string& key) {
    if (key == "descr") {
      type = quoted();
      return type.has_value();
    }
    if (key == "fortran_order") {
      fortran_order = take("True");
      return *fortran_order || take("False");
    }
    return key == "shape" && tuple();
  }

  bool tuple() {
    extents.emplace();
    if (!take("(")) return false;
    while (!take(")")) {
      skip_blanks();
      int64_t extent = 0;
      const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (error != std::errc() || extents->size() > Shape::kMaxRank) return false;
      rest_.remove_prefix(static_cast<size_t>(stop - rest_.data()));
      extents->push_back(extent);
      if (!take(",")) return take(")");
    }
    return true;
  }

  std::optional<std::string> quoted() {
    if (!take("'")) return {};
    const size_t end = rest_.find('\'');
    if (end == rest_.npos) return {};
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }

  bool take(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }

  std::string_view rest_;
};

template <class To, class From>
std::vector<To> converted(std::span<const std::byte> bytes) {
  std::vector<To> values(bytes.size() / sizeof(From));
  for (size_t i = 0; i < values.size(); ++i) {
    From value;  // Not aligned: a file's bytes may lie anywhere.
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    values[i] = static_cast<To>(value);
  }
  return values;
}

}  // namespace

void write_npy(const std::filesystem::path& path, const Shape& shape, std::span<const float> values) {
  write_array(path, kFloats, shape, values);
}

void write_npy(const std::filesystem::path& path, const Shape& shape, std::span<const double> values) {
  write_array(path, kDoubles, shape, values);
}

std::vector<float> NpyFloats::to_floats() const {
  return is_double ? converted<float, double>(values) : converted<float, float>(values);
}

std::vector<double> NpyFloats::to_doubles() const {
  return is_double ? converted<double, double>(values) : converted<double, float>(values);
}

NpyFloats parse_npy_floats(std::span<const std::byte> file, std::string_view name) {
  const auto fail = [&](const std::string& what) { throw DataError(printable(name) + ": " + what); };
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(kMagic)) fail("is no array of NumPy's; write it with numpy.save");
  const int version = text.size() > 6 ? text[6] : 0;
  if (version != 1 && version != 2) fail("is not of version 1 or 2 of NumPy's format; write it with numpy.save");
  const size_t length_bytes = version == 1 ? 2 : 4, start = 8 + length_bytes;
  if (text.size() < start) fail("ends within its header");
  size_t length = 0;
  for (size_t i = start; i-- > 8;) length = length << 8 | static_cast<unsigned char>(text[i]);
  if (length > text.size() - start) fail("ends within its header");

  Header header;
  if (!header.parse(text.substr(start, length))) fail("has a header that is not of an array of numbers");
  if (*header.type != kFloats && *header.type != kDoubles)
    fail("holds values of type '" + printable(*header.type) + "'; make them float32 or float64, little-endian");
  NpyFloats array{.shape = {}, .is_double = *header.type == kDoubles, .values = file.subspan(start + length)};
  try {
    array.shape = shape_of(*header.extents);
  } catch (const ShapeError& error) {
    fail(error.what());
  }
  if (*header.fortran_order && array.shape.rank() > 1)
    fail("is in Fortran's order; save numpy.ascontiguousarray of it");
  const uint64_t size = static_cast<uint64_t>(array.shape.size()) * (array.is_double ? sizeof(double) : sizeof(float));
  if (array.values.size() != size)
    fail("its array " + array.shape.text() + " takes " + std::to_string(size) + " bytes, and " +
         std::to_string(array.values.size()) + " follow its header");
  return array;
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
