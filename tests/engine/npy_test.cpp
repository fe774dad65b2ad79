#include "engine/npy.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "kernels/error.h"
#include "tests/files.h"

namespace wasserkern::testing {
namespace {

/// The header of NumPy's format 1.0 for a dictionary: 128 or 64 bytes with all that precedes the values.
Bytes header(const std::string& dictionary, size_t size) {
  Bytes bytes = to_bytes("\x93NUMPY");
  const auto length = size - 10;
  for (const size_t byte : {size_t{1}, size_t{0}, length % 256, length / 256}) bytes.push_back(std::byte(byte));
  std::string text = dictionary;
  text.resize(length - 1, ' ');
  return joined(bytes, to_bytes(text + "\n"));
}

Bytes bytes_of(const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("arrays are written in NumPy's format, byte for byte", "[npy]") {
  const TemporaryFolder folder;
  const auto path = folder / "array.npy";
  const std::vector<float> values = {1, -2.5f, 1e-40f, 3, 4, 5};

  write_npy(path, {3, 2}, values);
  CHECK(read_bytes(path) ==
        joined(header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, )}", 128), bytes_of(values)));
  write_npy(path, {6}, values);  // replaces the old file
  CHECK(read_bytes(path) ==
        joined(header("{'descr': '<f4', 'fortran_order': False, 'shape': (6, )}", 128), bytes_of(values)));
  write_npy(path, {}, std::vector<float>{7});
  CHECK(read_bytes(path) == joined(header("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 64), bytes_of({7})));
  write_npy(path, {0, 2}, {});
  CHECK(read_bytes(path) == header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2, )}", 128));
  CHECK(folder.names() == std::vector<std::string>{"array.npy"});
}

TEST_CASE("arrays that cannot be written are errors", "[npy]") {
  const TemporaryFolder folder;
  const std::vector<float> values = {1, 2, 3};
  CHECK_THROWS_AS(write_npy(folder / "a.npy", {2}, values), ShapeError);
  CHECK(folder.names().empty());
  CHECK(is_one_line_with(data_error([&] { write_npy(folder / "no/such/a.npy", {3}, values); }), "a.npy"));
}

}  // namespace wasserkern::testing
