#include "bench/harness/log.h"

#include <catch2/catch.hpp>

#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::bench;
using namespace wasserkern::testing;

TEST_CASE("a log's file has what was said before it was opened, and what was there", "[log]") {
  const TemporaryFolder folder;
  write_bytes(folder / "log.txt", to_bytes("first run\n"));
  Log log;
  log.file_line("before");
  log.open(folder / "log.txt");
  log.file_line("after");
  log.note_failure("full");
  CHECK(read_bytes(folder / "log.txt") == to_bytes("first run\nbefore\nafter\nstopped: full\n"));
}

TEST_CASE("two logs cannot be open in one folder", "[log]") {
  const TemporaryFolder folder;
  Log first;
  first.open(folder / "log.txt");
  {
    Log second;
    second.file_line("lost");
    CHECK(is_one_line_with(data_error([&] { second.open(folder / "log.txt"); }), "another process"));
  }
  CHECK(read_bytes(folder / "log.txt").empty());
}
