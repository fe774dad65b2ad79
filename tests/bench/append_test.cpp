#include "bench/harness/append.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::testing;

TEST_CASE("text is added to the end of a file", "[append]") {
  const TemporaryFolder folder;
  const auto path = folder / "log.txt";
  write_bytes(path, to_bytes("one "));
  const int descriptor = bench::open_to_append(path);
  bench::append(descriptor, path, "two ");
  bench::append(descriptor, path, "");
  bench::append(descriptor, path, "three");
  bench::sync(descriptor, path);
  ::close(descriptor);
  CHECK(read_bytes(path) == to_bytes("one two three"));
}

TEST_CASE("a full disk is a DataError that names the file", "[append]") {
  const int descriptor = bench::open_to_append("/dev/full");
  const std::string message = data_error([&] { bench::append(descriptor, "/dev/full", "text"); });
  ::close(descriptor);
  CHECK(is_one_line_with(message, "/dev/full"));
}

TEST_CASE("a file that cannot be opened is a DataError that names it", "[append]") {
  const TemporaryFolder folder;
  const auto path = folder / "missing/log.txt";
  CHECK(is_one_line_with(data_error([&] { bench::open_to_append(path); }), path.native()));
}
