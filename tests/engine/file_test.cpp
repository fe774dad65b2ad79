#include "engine/file.h"

#include <catch2/catch.hpp>

#include "engine/atomic_file.h"
#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::testing;

TEST_CASE("A file is read whole", "[file]") {
  const TemporaryFolder folder;
  Bytes content(100'003);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i * i);
  write_bytes(folder / "file", content);
  write_bytes(folder / "empty", {});
  CHECK(read_file(folder / "file") == content);
  CHECK(read_file(folder / "empty").empty());
}

TEST_CASE("What is no file says so", "[file]") {
  const TemporaryFolder folder;
  CHECK(data_error([&] { read_file(folder.path()); }) == folder.path().native() + ": is a folder; name a file in it");
  CHECK(data_error([&] { read_file(folder / "missing"); }) ==
        (folder / "missing").native() + ": cannot be read: No such file or directory");
  CHECK(is_one_line_with(data_error([] { read_file("/dev/null"); }), "/dev/null: is not a regular file"));
}

TEST_CASE("A mapped file is its bytes, also after it was replaced", "[file]") {
  const TemporaryFolder folder;
  Bytes content(100'003);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i * i);
  write_bytes(folder / "file", content);
  write_bytes(folder / "empty", {});
  const MappedFile mapped(folder / "file"), empty(folder / "empty");
  mapped.read_ahead();
  empty.read_ahead();
  CHECK(empty.bytes().empty());
  {
    AtomicFile other(folder / "file");
    other.write(to_bytes("other"));
    other.commit();
  }
  CHECK(std::ranges::equal(mapped.bytes(), content));
  CHECK(data_error([&] { MappedFile(folder.path()); }) == folder.path().native() + ": is a folder; name a file in it");
  CHECK(is_one_line_with(data_error([&] { MappedFile(folder / "missing"); }), "No such file"));
}

TEST_CASE("Text from outside becomes one line of bounded length", "[file]") {
  CHECK(printable("plain, \u00fcmlaut") == "plain, \u00fcmlaut");
  CHECK(printable("a\nb\tc\x7f") == "a\\x0ab\\x09c\\x7f");
  CHECK(printable(std::string(1'000'000, 'x')).size() == 4096 + 3);
}
