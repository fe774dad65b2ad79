#include "data/idx.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/data/idx_bytes.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

Bytes pixels_of(const data::Images& images) {
  const auto bytes = std::as_bytes(std::span(images.pixels));
  return {bytes.begin(), bytes.end()};
}

Bytes without_last(Bytes bytes, size_t count) {
  bytes.resize(bytes.size() - count);
  return bytes;
}

Bytes with_byte(Bytes bytes, size_t position, uint8_t value) {
  bytes.at(position) = std::byte{value};
  return bytes;
}

struct Malformed {
  const char* what;
  Bytes bytes;
};

std::vector<Malformed> malformed_images() {
  const Bytes good = idx_images(3, 4, 5);
  const Bytes five = counting_bytes(5);
  return {
      {"empty file", {}},
      {"one byte", Bytes(1)},
      {"not IDX", with_byte(good, 0, 'P')},
      {"not IDX in its second byte", with_byte(good, 1, 1)},
      {"floats", with_byte(good, 2, 0x0d)},
      {"element type 0", with_byte(good, 2, 0)},
      {"labels", idx_labels(60)},
      {"four dimensions", joined(idx_header(8, 4, {3, 4, 5, 1}), counting_bytes(60))},
      {"no dimensions", idx_header(8, 0, {})},
      {"cut after the magic", idx_header(8, 3, {})},
      {"cut within the sizes", without_last(idx_header(8, 3, {3, 4, 5}), 2)},
      {"no pixels at all", idx_header(8, 3, {3, 4, 5})},
      {"one pixel too few", without_last(good, 1)},
      {"one pixel too many", joined(good, Bytes(1))},
      {"sizes that overflow", joined(idx_header(8, 3, {~0u, ~0u, ~0u}), five)},
      {"sizes that wrap around to 0", joined(idx_header(8, 3, {1u << 31, 1u << 31, 4}), five)},
      {"sizes that wrap around to 5", joined(idx_header(8, 3, {5, 0xcccccccd, 0x40000000}), five)},
      {"no images, each of a size that overflows", idx_header(8, 3, {0, ~0u, ~0u})},
      {"4 GiB promised", joined(idx_header(8, 3, {1, 65536, 65535}), five)},
      {"endlessly many images without pixels", idx_header(8, 3, {~0u, 0, 28})},
  };
}

std::vector<Malformed> malformed_gzip() {
  const Bytes good = gzip(idx_images(3, 4, 5));
  const Bytes zeros(50'000'000);
  return {
      {"gzip magic alone", to_bytes("\x1f\x8b")},
      {"cut within gzip's header", without_last(good, good.size() - 6)},
      {"cut within the deflated data", without_last(good, good.size() / 2)},
      {"cut within the checksum", without_last(good, 5)},
      {"cut by one byte", without_last(good, 1)},
      {"wrong checksum", with_byte(good, good.size() - 8, static_cast<uint8_t>(~std::to_integer<int>(good.end()[-8])))},
      {"wrong length", with_byte(good, good.size() - 1, 77)},
      {"unknown method", with_byte(good, 2, 7)},
      {"invalid deflate block", with_byte(good, 10, 0xff)},
      {"garbage after the end", joined(good, to_bytes("garbage"))},
      {"zeros after the end", joined(good, Bytes(16))},
      {"second member cut", joined(good, without_last(gzip(Bytes(9)), 3))},
      {"second member with more pixels", joined(good, gzip(Bytes(1)))},
      {"bomb behind a small promise", gzip(joined(idx_images(3, 4, 5), zeros))},
      {"more promised than any deflated data holds", gzip(idx_header(8, 3, {60000, 65535, 65535}))},
  };
}

void check_malformed(const std::filesystem::path& file, const Malformed& malformed) {
  INFO(malformed.what);
  write_bytes(file, malformed.bytes);
  const std::string message = data_error([&] { data::load_idx(file); });
  INFO(message);
  CHECK(is_one_line_with(message, file.native()));
}

}  // namespace

TEST_CASE("An IDX file reads the same raw and gzipped", "[idx]") {
  const TemporaryFolder folder;
  write_bytes(folder / "raw", idx_images(7, 3, 5));
  write_bytes(folder / "packed.gz", gzip(idx_images(7, 3, 5)));
  for (const char* name : {"raw", "packed.gz"}) {
    const data::Images images = data::load_idx(folder / name);
    CHECK(images.count == 7);
    CHECK(images.height == 3);
    CHECK(images.width == 5);
    CHECK(images.channels == 1);
    CHECK(images.features() == 15);
    CHECK(pixels_of(images) == counting_bytes(105));
  }
}

TEST_CASE("IDX labels read raw and gzipped", "[idx]") {
  const TemporaryFolder folder;
  write_bytes(folder / "raw", idx_labels(9));
  write_bytes(folder / "packed.gz", gzip(idx_labels(9)));
  const std::vector<uint8_t> expected{0, 1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(data::load_idx_labels(folder / "raw") == expected);
  CHECK(data::load_idx_labels(folder / "packed.gz") == expected);

  write_bytes(folder / "images", idx_images(1, 3, 3));
  const std::string message = data_error([&] { data::load_idx_labels(folder / "images"); });
  CHECK(is_one_line_with(message, (folder / "images").native()));
}

TEST_CASE("An IDX file of no images is one", "[idx]") {
  const data::Images images = data::parse_idx(idx_images(0, 28, 28), "name");
  CHECK(images.count == 0);
  CHECK(images.pixels.empty());
}

TEST_CASE("A malformed IDX file is one line with its name", "[idx]") {
  const TemporaryFolder folder;
  for (const Malformed& malformed : malformed_images()) {
    check_malformed(folder / "images", malformed);
    check_malformed(folder / "images.gz", {malformed.what, gzip(malformed.bytes)});
  }
}

TEST_CASE("A malformed gzip file is one line with its name", "[idx]") {
  const TemporaryFolder folder;
  for (const Malformed& malformed : malformed_gzip()) check_malformed(folder / "images.gz", malformed);
}

TEST_CASE("A file that is none is one line with its name", "[idx]") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "folder");
  std::filesystem::create_symlink("nowhere", folder / "dangling");
  std::filesystem::create_symlink("loop", folder / "loop");
  write_bytes(folder / "file", {});
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  for (const char* name : {"folder", "dangling", "loop", "pipe", "missing", "file/below"}) {
    const auto path = folder / name;
    const std::string message = data_error([&] { data::load_idx(path); });
    INFO(name << ": " << message);
    CHECK(is_one_line_with(message, path.native()));
  }
  CHECK(is_one_line_with(data_error([] { data::load_idx("/dev/zero"); }), "/dev/zero"));

  write_bytes(folder / "locked", idx_images(1, 2, 2));
  std::filesystem::permissions(folder / "locked", std::filesystem::perms::none);
  // To root nothing is locked.
  const std::string message = data_error([&] { data::load_idx(folder / "locked"); });
  CHECK((::geteuid() == 0 || is_one_line_with(message, (folder / "locked").native())));
}

TEST_CASE("A name with a line break does not break the line", "[idx]") {
  const std::string message = data_error([] { data::load_idx("no\nsuch\x1b[31m file"); });
  CHECK(is_one_line_with(message, "no\\x0asuch\\x1b[31m file"));
}

TEST_CASE("A folder like MNIST's gives its training or its test images", "[idx]") {
  const TemporaryFolder folder;
  write_bytes(folder / "train-images-idx3-ubyte.gz", gzip(idx_images(6, 2, 2)));
  write_bytes(folder / "t10k-images-idx3-ubyte", idx_images(4, 2, 2));
  CHECK(data::load_mnist_like(folder.path()).count == 6);
  CHECK(data::load_mnist_like(folder.path(), data::Split::Training).count == 6);
  CHECK(data::load_mnist_like(folder.path(), data::Split::Test).count == 4);
}

TEST_CASE("Missing data names the command that fetches it", "[idx]") {
  const TemporaryFolder folder;
  const std::string mnist = folder / "mnist";
  const std::string expected = "data: no train-images-idx3-ubyte[.gz] in " + mnist + "; run tools/fetch-data mnist";
  CHECK(data_error([&] { data::load_mnist_like(mnist); }) == expected);
  CHECK(data_error([&] { data::load_mnist_like(mnist + "/"); }) == expected);
  std::filesystem::create_directory(mnist);
  CHECK(data_error([&] { data::load_mnist_like(mnist); }) == expected);

  const std::string fashion = data_error([&] { data::load_mnist_like(folder / "fashion-mnist", data::Split::Test); });
  CHECK(fashion == "data: no t10k-images-idx3-ubyte[.gz] in " + (folder / "fashion-mnist").native() +
                       "; run tools/fetch-data fashion-mnist");
  CHECK(is_one_line_with(data_error([&] { data::load_mnist_like(folder / "other"); }), "tools/fetch-data mnist or"));
}

TEST_CASE("Fashion-MNIST as Debian has it", "[idx]") {
  const std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(folder / "train-images-idx3-ubyte.gz")) {
    WARN("not checked: the package dataset-fashion-mnist is not installed");
    return;
  }
  const data::Images images = data::load_mnist_like(folder);
  CHECK(images.count == 60000);
  CHECK(images.features() == 784);
  // The data set's well-known mean, 0.2860 of white.
  double sum = 0;
  for (const uint8_t pixel : images.pixels) sum += pixel;
  CHECK(sum / static_cast<double>(images.pixels.size()) / 255 == Approx(0.2860).margin(1e-4));

  const std::vector<uint8_t> labels = data::load_idx_labels(folder / "train-labels-idx1-ubyte.gz");
  CHECK(labels.size() == 60000);
  CHECK(std::ranges::count(labels, 0) == 6000);
  CHECK(*std::ranges::max_element(labels) == 9);
  CHECK(data::load_mnist_like(folder, data::Split::Test).count == 10000);
}
