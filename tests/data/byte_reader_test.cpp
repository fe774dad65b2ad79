#include "data/byte_reader.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/data/idx_bytes.h"

using namespace wasserkern::testing;
using wasserkern::data::ByteReader;

namespace {

/// What `bytes` hold when read in pieces of `piece`.
Bytes read_all(const Bytes& bytes, size_t count, size_t piece) {
  ByteReader reader(bytes, "name");
  Bytes result(count);
  for (size_t done = 0; done < count;) {
    const size_t now = std::min(piece, count - done);
    reader.read({reinterpret_cast<uint8_t*>(result.data()) + done, now});
    done += now;
  }
  reader.finish();
  return result;
}

}  // namespace

TEST_CASE("Raw and gzipped bytes read the same in pieces of any size", "[byte_reader]") {
  const Bytes content = counting_bytes(10'007);
  for (const size_t piece : {1, 2, 97, 4096, 20'000}) {
    CHECK(read_all(content, content.size(), piece) == content);
    CHECK(read_all(gzip(content), content.size(), piece) == content);
  }
}

TEST_CASE("Members of a gzip file follow one another", "[byte_reader]") {
  const Bytes first = counting_bytes(300), second = counting_bytes(11);
  const Bytes file = joined(joined(gzip(first), gzip({})), gzip(second));
  CHECK(read_all(file, 311, 311) == joined(first, second));
  CHECK(read_all(file, 311, 7) == joined(first, second));
}

TEST_CASE("Nothing reads as nothing", "[byte_reader]") {
  CHECK(read_all({}, 0, 1).empty());
  CHECK(read_all(gzip({}), 0, 1).empty());
}

TEST_CASE("The capacity bounds what deflate can make of a file", "[byte_reader]") {
  const Bytes zeros(50'000'000);
  const Bytes packed = gzip(zeros);
  CHECK(ByteReader(packed, "name").capacity() >= zeros.size());
  CHECK(ByteReader(packed, "name").capacity() < 2 * zeros.size());
  CHECK(ByteReader(counting_bytes(17), "name").capacity() == 17);
}

TEST_CASE("What follows gzip data and is none is told apart from damage", "[byte_reader]") {
  const Bytes content = counting_bytes(100);
  const std::string message = data_error([&] { read_all(joined(gzip(content), Bytes(3)), 100, 100); });
  CHECK(is_one_line_with(message, "name: has bytes after its gzip data"));
}
