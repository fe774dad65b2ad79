#include "data/packed_images.h"

#include <catch2/catch.hpp>

#include "engine/npy.h"
#include "tests/file_size_limit.h"
#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

const std::vector<uint8_t> kPixels{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};  // of two images of 1 x 2 x 3

Bytes array(const Shape& shape, const std::string& values) { return to_bytes(npy_bytes_header(shape) + values); }

std::string error_of(const Bytes& bytes) {
  return data_error([&] { data::parse_packed_images(bytes, nullptr, "file"); });
}

}  // namespace

TEST_CASE("Packed images are what was written", "[image]") {
  const TemporaryFolder folder;
  const auto path = folder / "images.npy";
  {
    data::PackedImagesWriter writer(path, 1, 2, 3);
    writer.append(std::span(kPixels).first(6));
    writer.append({});
    writer.append(std::span(kPixels).subspan(6));
    writer.commit("made of", "without");
  }
  data::PackedImages packed = data::load_packed_images(path);
  CHECK(packed.images.count == 2);
  CHECK(packed.images.height == 1);
  CHECK(packed.images.width == 2);
  CHECK(packed.images.channels == 3);
  CHECK(packed.source == "made of");
  CHECK(packed.left_out == "without");

  // They stay when the file goes, in every copy.
  const data::Images copy = packed.images;
  packed.images = {};
  std::filesystem::remove(path);
  CHECK(std::ranges::equal(copy.pixels, kPixels));
}

TEST_CASE("The first array of a packed file is what NumPy reads", "[image]") {
  const TemporaryFolder folder;
  data::PackedImagesWriter writer(folder / "images.npy", 1, 2, 3);
  writer.append(kPixels);
  writer.commit("made of", "without");
  const Bytes images = joined(to_bytes(npy_bytes_header({2, 1, 2, 3})), to_bytes("\1\2\3\4\5\6\7\x8\x9\xa\xb\xc"));
  CHECK(read_bytes(folder / "images.npy") == joined(images, joined(array({7}, "made of"), array({7}, "without"))));
}

TEST_CASE("A packed file that was not committed is not there", "[image]") {
  const TemporaryFolder folder;
  data::PackedImagesWriter(folder / "images.npy", 1, 2, 3).append(kPixels);
  CHECK(folder.names().empty());
  {
    const FileSizeLimit limit(100);
    CHECK(
        is_one_line_with(data_error([&] { data::PackedImagesWriter(folder / "images.npy", 1, 2, 3); }), "images.npy"));
  }
  CHECK(folder.names().empty());
}

TEST_CASE("What is no packed file is refused", "[image]") {
  const Bytes images = array({1, 1, 2, 3}, "123456"), text = array({2}, "ab");
  CHECK(error_of(joined(images, joined(text, text))).empty());
  CHECK(is_one_line_with(error_of({}), "file: "));
  CHECK(is_one_line_with(error_of(images), "file: "));
  CHECK(is_one_line_with(error_of(joined(images, text)), "file: "));
  CHECK(is_one_line_with(error_of(joined(joined(images, text), joined(text, text))), "no file of packed images"));
  CHECK(is_one_line_with(error_of(joined(images, joined(images, text))), "no file of packed images"));
  CHECK(is_one_line_with(error_of(joined(text, joined(text, text))), "no file of packed images"));
  CHECK(is_one_line_with(error_of(joined(array({0, 1, 2, 3}, ""), joined(text, text))), "no file of packed images"));
  CHECK(is_one_line_with(error_of(joined(array({1, 3, 2}, "123456"), joined(text, text))), "no file of packed images"));
  const Bytes huge = array({int64_t{1} << 40, 64, 64, 3}, "");
  CHECK(is_one_line_with(error_of(joined(huge, joined(text, text))), "not all there"));
}
