#include "engine/atomic_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/file_size_limit.h"
#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("An atomic file appears at its commit, whole", "[atomic_file]") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  write_bytes(path, to_bytes("old"));
  {
    AtomicFile file(path);
    file.write(to_bytes("new "));
    file.write({});
    file.write(to_bytes("content"));
    CHECK(read_bytes(path) == to_bytes("old"));
    file.commit();
  }
  CHECK(read_bytes(path) == to_bytes("new content"));
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("An atomic file that is not committed leaves nothing", "[atomic_file]") {
  const TemporaryFolder folder;
  { AtomicFile(folder / "file").write(to_bytes("content")); }
  CHECK(folder.names().empty());
  write_bytes(folder / "file", to_bytes("old"));
  { AtomicFile(folder / "file").write(to_bytes("content")); }
  CHECK(read_bytes(folder / "file") == to_bytes("old"));
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("An atomic file has the permissions of any new file", "[atomic_file]") {
  const TemporaryFolder folder;
  const mode_t before = ::umask(027);
  AtomicFile file(folder / "file");
  ::umask(before);
  file.commit();
  using std::filesystem::perms;
  CHECK(std::filesystem::status(folder / "file").permissions() ==
        (perms::owner_read | perms::owner_write | perms::group_read));
}

TEST_CASE("What a killed writer left is overwritten", "[atomic_file]") {
  const TemporaryFolder folder;
  write_bytes(folder / "file.partial", to_bytes("half of something longer"));
  AtomicFile file(folder / "file");
  file.write(to_bytes("whole"));
  file.commit();
  CHECK(read_bytes(folder / "file") == to_bytes("whole"));
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("Of two writers the second is refused and the first finishes", "[atomic_file]") {
  const TemporaryFolder folder;
  AtomicFile first(folder / "file");
  first.write(to_bytes("first"));
  const std::string message = data_error([&] { AtomicFile second(folder / "file"); });
  CHECK(is_one_line_with(message, (folder / "file").native() + ": is being written"));
  first.commit();
  CHECK(read_bytes(folder / "file") == to_bytes("first"));

  AtomicFile third(folder / "file");
  third.write(to_bytes("third"));
  third.commit();
  CHECK(read_bytes(folder / "file") == to_bytes("third"));
}

TEST_CASE("A full disk keeps the old file", "[atomic_file]") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  write_bytes(path, to_bytes("old"));
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = data_error([&] {
      AtomicFile file(path);
      file.write(Bytes(700));
      file.write(Bytes(700));
      file.commit();
    });
  }
  CHECK(is_one_line_with(message, path.native() + ": cannot write its new version: File too large"));
  CHECK(read_bytes(path) == to_bytes("old"));
  CHECK(folder.names() == Names{"file"});
}

TEST_CASE("The front of an atomic file can be replaced before its commit", "[atomic_file]") {
  const TemporaryFolder folder;
  AtomicFile file(folder / "file");
  file.write(to_bytes("header? "));
  file.write(to_bytes("content"));
  file.overwrite_front(to_bytes("HEADER!"));
  file.write(to_bytes(", more"));
  file.commit();
  CHECK(read_bytes(folder / "file") == to_bytes("HEADER! content, more"));
}

TEST_CASE("A path that cannot be written says why", "[atomic_file]") {
  const TemporaryFolder folder;
  write_bytes(folder / "file", {});
  std::filesystem::create_directory(folder / "folder");
  for (const char* name : {"missing/file", "file/below", "folder"}) {
    const auto path = folder / name;
    const std::string message = data_error([&] { AtomicFile(path).commit(); });
    INFO(message);
    CHECK(is_one_line_with(message, path.native() + ": cannot "));
  }
  CHECK(folder.names() == Names{"file", "folder"});

  std::filesystem::permissions(folder / "folder", std::filesystem::perms::owner_read);
  // Nothing is closed to root.
  const std::string message = data_error([&] { AtomicFile file(folder / "folder/file"); });
  CHECK((::geteuid() == 0 || is_one_line_with(message, "Permission denied")));
  std::filesystem::permissions(folder / "folder", std::filesystem::perms::owner_all);
}

TEST_CASE("A link in place of the partial file is not followed", "[atomic_file]") {
  const TemporaryFolder folder;
  write_bytes(folder / "precious", to_bytes("precious"));
  std::filesystem::create_symlink("precious", folder / "file.partial");
  CHECK(is_one_line_with(data_error([&] { AtomicFile file(folder / "file"); }), (folder / "file").native()));
  CHECK(read_bytes(folder / "precious") == to_bytes("precious"));
}
