#include "data/cifar10.h"

#include <catch2/catch.hpp>

#include "data/batches.h"
#include "tests/data/cifar10_bytes.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

struct Malformed {
  const char* what;
  Bytes bytes;
};

Bytes without_last(Bytes bytes, size_t count) {
  bytes.resize(bytes.size() - count);
  return bytes;
}

Bytes with_byte(Bytes bytes, size_t position, uint8_t value) {
  bytes.at(position) = std::byte{value};
  return bytes;
}

std::vector<Malformed> malformed_files() {
  const Bytes good = cifar10_images(3), full = cifar10_images(10'000);
  return {
      {"empty file", {}},
      {"one byte", Bytes(1)},
      {"a label alone", to_bytes("\x07")},
      {"no blue", without_last(cifar10_images(1), 1024)},
      {"one pixel too few", without_last(good, 1)},
      {"one pixel too many", joined(good, Bytes(1))},
      {"cut after a label", without_last(good, kCifar10Record - 1)},
      {"cut within an image", without_last(good, 1000)},
      {"label 10", with_byte(good, 0, 10)},
      {"label 255 of the last image", with_byte(good, 2 * kCifar10Record, 255)},
      {"bad label, then cut", without_last(with_byte(good, kCifar10Record, 77), 5)},
      {"one image too many", joined(full, cifar10_images(1))},
      {"one byte after 10,000 images", joined(full, Bytes(1))},
      {"two files in one", joined(full, full)},
      {"CIFAR-100, with two labels", Bytes(2 * (kCifar10Record + 1))},
      {"images without labels", Bytes(2 * (kCifar10Record - 1))},
      {"pixels as floats", Bytes(4 * 3072)},
      {"the Python version", joined(to_bytes("\x80\x02}q\x01(U\x0b"
                                             "batch_labelq\x02"),
                                    Bytes(9000, std::byte{'x'}))},
      {"an IDX file", idx_images(3, 32, 32)},
      {"a page of a server that has moved", to_bytes("<!DOCTYPE html><html><body>404</body></html>\n")},
      {"zstd", joined({std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f}, std::byte{0xfd}}, Bytes(kCifar10Record))},
  };
}

std::vector<Malformed> malformed_gzip() {
  const Bytes good = gzip(cifar10_images(2));
  return {
      {"gzip magic alone", to_bytes("\x1f\x8b")},
      {"nothing in it", gzip({})},
      {"cut within the deflated data", without_last(good, good.size() / 2)},
      {"cut within the checksum", without_last(good, 5)},
      {"wrong checksum", with_byte(good, good.size() - 8, static_cast<uint8_t>(~std::to_integer<int>(good.end()[-8])))},
      {"garbage after the end", joined(good, to_bytes("garbage"))},
      {"second member cut", joined(good, without_last(gzip(cifar10_images(1)), 3))},
      {"bomb", gzip(Bytes(50'000'000))},
  };
}

void check_malformed(const std::filesystem::path& file, const Malformed& malformed) {
  INFO(malformed.what);
  write_bytes(file, malformed.bytes);
  const std::string message = data_error([&] { data::load_cifar10(file.parent_path()); });
  INFO(message);
  CHECK(is_one_line_with(message, file.native()));
}

}  // namespace

TEST_CASE("Planes of red, green and blue become pixels of three channels", "[cifar10]") {
  const Bytes bytes = cifar10_images(4, 8);
  const data::Images images = data::parse_cifar10(bytes, "name");
  CHECK(images.count == 4);
  CHECK(images.height == 32);
  CHECK(images.width == 32);
  CHECK(images.channels == 3);
  CHECK(images.labels == std::vector<uint8_t>{8, 9, 0, 1});
  REQUIRE(images.pixels.size() == 4 * 3072);
  size_t at = 0;
  for (size_t image = 0; image < 4; ++image)
    for (size_t row = 0; row < 32; ++row)
      for (size_t column = 0; column < 32; ++column)
        for (size_t channel = 0; channel < 3; ++channel) {
          const size_t place = image * kCifar10Record + 1 + (channel * 32 + row) * 32 + column;
          if (images.pixels[at++] != std::to_integer<uint8_t>(bytes[place])) FAIL("pixel " << at - 1);
        }
}

TEST_CASE("Whatever batches are there are read, in their order, raw or gzipped", "[cifar10]") {
  const TemporaryFolder folder;
  write_bytes(folder / "data_batch_4.bin", cifar10_images(3, 4));
  write_bytes(folder / "test_batch.bin", cifar10_images(2, 7));
  CHECK(data::load_cifar10(folder.path()).labels == std::vector<uint8_t>{4, 5, 6});
  CHECK(data::load_cifar10(folder.path(), data::Split::Test).labels == std::vector<uint8_t>{7, 8});

  write_bytes(folder / "data_batch_1.bin.gz", gzip(cifar10_images(2, 1)));
  write_bytes(folder / "data_batch_6.bin", {});  // is none of CIFAR-10's
  const data::Images images = data::load_cifar10(folder.path());
  CHECK(images.count == 5);
  CHECK(images.labels == std::vector<uint8_t>{1, 2, 4, 5, 6});
  const data::Images first = data::parse_cifar10(cifar10_images(2, 1), "name");
  CHECK(std::equal(first.pixels.begin(), first.pixels.end(), images.pixels.begin()));
  CHECK(images.pixels.size() == 5 * 3072);

  write_bytes(folder / "data_batch_1.bin", cifar10_images(1, 3));  // before the one with .gz
  CHECK(data::load_cifar10(folder.path()).labels == std::vector<uint8_t>{3, 4, 5, 6});
  data::Batches batches(images, 5, 0);
  CHECK(batches.features() == 3072);
}

TEST_CASE("A full file of 10,000 images is read", "[cifar10]") {
  CHECK(data::parse_cifar10(cifar10_images(10'000), "name").count == 10'000);
}

TEST_CASE("Members of a gzip file may end within an image", "[cifar10]") {
  const Bytes whole = cifar10_images(3);
  const Bytes head(whole.begin(), whole.begin() + 4000), tail(whole.begin() + 4000, whole.end());
  CHECK(data::parse_cifar10(joined(gzip(head), gzip(tail)), "name").pixels ==
        data::parse_cifar10(whole, "name").pixels);
}

TEST_CASE("A malformed CIFAR-10 file is one line with its name", "[cifar10]") {
  const TemporaryFolder raw, packed;
  for (const Malformed& malformed : malformed_files()) {
    check_malformed(raw / "data_batch_2.bin", malformed);
    check_malformed(packed / "data_batch_2.bin.gz", {malformed.what, gzip(malformed.bytes)});
  }
  for (const Malformed& malformed : malformed_gzip()) check_malformed(packed / "data_batch_2.bin.gz", malformed);

  write_bytes(raw / "data_batch_1.bin", cifar10_images(2));  // A good one does not hide it.
  check_malformed(raw / "data_batch_2.bin", malformed_files().front());
  CHECK(data_error([&] { data::parse_cifar10(Bytes(), "no\nname"); }).starts_with("no\\x0aname: "));
}

TEST_CASE("Messages say which image is wrong", "[cifar10]") {
  CHECK_THAT(data_error([] { data::parse_cifar10(with_byte(cifar10_images(3), kCifar10Record, 10), "name"); }),
             Catch::Contains("image 2") && Catch::Contains("label 10"));
  CHECK_THAT(data_error([] { data::parse_cifar10(without_last(cifar10_images(3), 1), "name"); }),
             Catch::Contains("image 3"));
}

TEST_CASE("Missing CIFAR-10 names the command that fetches it", "[cifar10]") {
  const TemporaryFolder folder;
  const auto missing = [&](const std::filesystem::path& place, data::Split split = data::Split::Training) {
    const std::string message = data_error([&] { data::load_cifar10(place, split); });
    INFO(message);
    CHECK(is_one_line_with(message, place.native()));
    CHECK_THAT(message, Catch::Contains("tools/fetch-data cifar-10"));
    return message;
  };
  missing(folder / "nowhere");
  missing(folder.path());
  write_bytes(folder / "file", {});
  missing(folder / "file");
  write_bytes(folder / "test_batch.bin", cifar10_images(1));
  CHECK_THAT(missing(folder.path()), Catch::Contains("data_batch_1.bin"));
  write_bytes(folder / "data_batch_3.bin", cifar10_images(1));
  std::filesystem::remove(folder / "test_batch.bin");
  CHECK_THAT(missing(folder.path(), data::Split::Test), Catch::Contains("test_batch.bin"));

  std::filesystem::create_directory(folder / "data_batch_5.bin");
  const std::string message = data_error([&] { data::load_cifar10(folder.path()); });
  CHECK(is_one_line_with(message, (folder / "data_batch_5.bin").native()));
}
