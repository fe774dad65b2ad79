#include "data/image_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <thread>

#include "data/batches.h"
#include "data/centre_square.h"
#include "data/image_file.h"
#include "tests/data/picture_bytes.h"
#include "tests/file_size_limit.h"

using namespace wasserkern;
using namespace wasserkern::testing;
using data::Images;
namespace fs = std::filesystem;

namespace {

using Lines = std::vector<std::string>;

/// A picture that is `shade` everywhere.
Bytes shade(uint8_t shade) { return plain_png(5, 4, shade, shade, shade); }

/// A folder `pictures` with room beside it.
struct Room {
  TemporaryFolder room;
  fs::path folder = room / "pictures";
  Lines said;
  int64_t decoded = 0;  // as far as was told

  Room() { fs::create_directory(folder); }

  void add(const std::string& name, const Bytes& bytes) const {
    fs::create_directories((folder / name).parent_path());
    write_bytes(folder / name, bytes);
  }
  fs::path packed(int64_t side = 4) const { return data::packed_images_file(folder, side); }

  Images load(int64_t side = 4, int threads = 2) {
    said.clear();
    return data::load_image_folder(folder, side,
                                   {.threads = threads, .say = [&](const std::string& line) { said.push_back(line); }});
  }
  /// The images' shades, in their order.
  std::vector<int> shades() {
    const Images images = load();
    CHECK(images.height == 4);
    CHECK(images.width == 4);
    CHECK(images.channels == 3);
    REQUIRE(images.count * images.features() == static_cast<int64_t>(images.pixels.size()));
    std::vector<int> result;
    for (int64_t i = 0; i < images.count; ++i)
      result.push_back(images.pixels[static_cast<size_t>(i * images.features())]);
    return result;
  }
  bool has_said(std::string_view text) const {
    return std::ranges::any_of(said, [&](const std::string& line) { return line.find(text) != line.npos; });
  }
  std::string error() {
    return data_error([&] { load(); });
  }
};

using Shades = std::vector<int>;

}  // namespace

TEST_CASE("Images come in the order of their paths, from folders below as well", "[image_folder]") {
  Room room;
  room.add("b.png", shade(2));
  room.add("a.PNG", shade(1));
  room.add("c/z.png", shade(3));
  room.add("c/zz/a.png", shade(4));
  room.add("d.Jpeg", from_hex(kGreyJpeg));
  room.add("e.jpg", shade(6));  // what it is counts, not what it is called
  for (const char* name : {".hidden.png", "._a.png", ".hidden/a.png", "text.txt", "picture.gif", "png", ".png"})
    room.add(name, shade(99));
  CHECK(room.shades() == Shades{1, 2, 3, 4, 70, 6});
  CHECK(room.said == Lines{"packing 6 pictures into " + room.packed().native() + ", which later starts read",
                           "6 images of 4 x 4 from " + room.packed().native()});
  CHECK(room.room.names() == Lines{"pictures", "pictures-4x4.cache.npy"});

  CHECK(room.shades() == Shades{1, 2, 3, 4, 70, 6});
  CHECK(room.said == Lines{"6 images of 4 x 4 from " + room.packed().native()});
}

TEST_CASE("Every image is the middle square of its picture, whatever the threads", "[image_folder]") {
  Room room;
  std::vector<Bytes> pictures;
  for (int i = 0; i < 30; ++i) {
    std::vector<uint8_t> pixels(static_cast<size_t>(3 * 7 * (8 + i)));
    for (size_t k = 0; k < pixels.size(); ++k) pixels[k] = static_cast<uint8_t>(k * (k + static_cast<size_t>(i)));
    pictures.push_back(rgb_png(7, 8 + static_cast<uint32_t>(i), pixels));
    room.add(std::to_string(100 + i) + ".png", i % 10 == 3 ? to_bytes("no picture") : pictures.back());
  }
  for (const int threads : {1, 3}) {
    fs::remove(room.packed(6));
    const Images images = room.load(6, threads);
    CHECK(images.count == 27);
    std::vector<uint8_t> expected;
    for (int i = 0; i < 30; ++i) {
      if (i % 10 == 3) continue;
      expected.resize(expected.size() + 108);
      data::centre_square(data::decode_image(pictures[static_cast<size_t>(i)], "picture"), 6,
                          std::span(expected).last(108));
    }
    CHECK(std::ranges::equal(images.pixels, expected));
    REQUIRE(room.said.size() == 6);
    CHECK(room.said[1].starts_with("warning: 3 of 30 pictures in "));
    CHECK(room.said[2].starts_with("  103.png: is no JPEG or PNG"));
    CHECK(room.said[3].starts_with("  113.png: is no JPEG or PNG"));
    CHECK(room.said[4].starts_with("  123.png: is no JPEG or PNG"));
  }
}

TEST_CASE("What cannot be read is left out and named, every time", "[image_folder]") {
  Room room;
  for (int i = 0; i < 10; ++i) room.add("good" + std::to_string(i) + ".png", shade(static_cast<uint8_t>(i)));
  Bytes cut = from_hex(kGreyJpeg);
  cut.resize(cut.size() - 5);
  room.add("cut.jpg", cut);
  room.add("text.jpg", to_bytes("text"));
  room.add("empty.png", {});
  fs::create_directory(room.folder / "folder.jpg");
  fs::create_symlink("nowhere", room.folder / "link.jpg");
  REQUIRE(::mkfifo((room.folder / "pipe.jpg").c_str(), 0600) == 0);
  room.add("sparse.jpg", {});
  fs::resize_file(room.folder / "sparse.jpg", uintmax_t{1} << 40);
  room.add("line\nbreak \xff\xfe.jpg", to_bytes("text"));
  for (int round = 0; round < 2; ++round) {
    CHECK(room.shades() == Shades{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(room.has_said("warning: 8 of 18 pictures in " + room.folder.native()));
    CHECK(room.has_said("  cut.jpg: is a JPEG without its end marker"));
    CHECK(room.has_said("  text.jpg: is no JPEG or PNG"));
    CHECK(room.has_said("  empty.png: is no JPEG or PNG"));
    CHECK(room.has_said("  folder.jpg: is a folder"));
    CHECK(room.has_said("  link.jpg: cannot be read: No such file"));
    CHECK(room.has_said("  pipe.jpg: is not a regular file"));
    CHECK(room.has_said("  sparse.jpg: is larger than 1 GiB"));
    CHECK(room.has_said("  line\\x0abreak \xff\xfe.jpg: is no JPEG"));
    for (const std::string& line : room.said) CHECK(is_one_line_with(line, ""));
  }
}

TEST_CASE("What is closed to the reader is left out and named", "[image_folder]") {
  if (::geteuid() == 0) return;  // Nothing is closed to root.
  Room room;
  for (uint8_t i = 0; i < 5; ++i) room.add(std::to_string(i) + ".png", shade(i));
  fs::permissions(room.folder / "3.png", fs::perms::none);
  fs::create_directory(room.folder / "closed");
  fs::permissions(room.folder / "closed", fs::perms::none);
  CHECK(room.shades() == Shades{0, 1, 2, 4});
  CHECK(room.has_said("warning: 2 of 6 pictures"));
  CHECK(room.has_said("  3.png: cannot be read: Permission denied"));
  CHECK(room.has_said("  closed: cannot be read: Permission denied"));
  fs::permissions(room.folder / "closed", fs::perms::owner_all);  // It can be removed.
}

TEST_CASE("Of many that cannot be read some are named", "[image_folder]") {
  Room room;
  for (int i = 0; i < 13; ++i) {
    room.add(std::to_string(100 + i) + ".png", to_bytes("text"));
    room.add(std::to_string(200 + i) + ".png", shade(1));
  }
  CHECK(room.shades() == Shades(13, 1));
  CHECK(room.has_said("warning: 13 of 26 pictures"));
  CHECK(room.has_said("  109.png: "));
  CHECK_FALSE(room.has_said("  110.png: "));
  CHECK(room.has_said("  and 3 more"));

  // One more, and it is not the folder that was meant.
  room.add("300.png", to_bytes("text"));
  const std::string message = room.error();
  CHECK(is_one_line_with(message, "14 of 27 pictures cannot be read, the first is 100.png: is no JPEG or PNG"));
  CHECK(message.find(room.folder.native()) == 0);
}

TEST_CASE("A folder without pictures is an error that says what to do", "[image_folder]") {
  Room room;
  CHECK(is_one_line_with(room.error(), "tools/fetch-data celeba"));
  room.add("text.txt", to_bytes("text"));
  room.add(".hidden.png", shade(1));
  CHECK(is_one_line_with(room.error(), room.folder.native() + ": has no .jpg, .jpeg or .png"));
  room.add("a.png", to_bytes("text"));
  CHECK(is_one_line_with(room.error(), "1 of 1 pictures cannot be read"));
  CHECK(room.room.names() == Lines{"pictures"});
  room.folder = room.room / "missing";
  CHECK(is_one_line_with(room.error(), room.folder.native() + ": cannot be listed: No such file or directory"));
  room.folder = room.room / "pictures/a.png";
  CHECK(is_one_line_with(room.error(), "a.png: cannot be listed: Not a directory"));
  CHECK_THROWS_AS(room.load(0), UsageError);
  CHECK_THROWS_AS(room.load(100'000), UsageError);
}

TEST_CASE("Links are followed, each folder is entered once", "[image_folder]") {
  Room room;
  room.add("a/1.png", shade(1));
  room.add("a/2.png", shade(2));
  fs::create_directory_symlink("..", room.folder / "a/loop");
  fs::create_directory_symlink("self", room.folder / "self");
  fs::create_directory_symlink("a", room.folder / "z");
  fs::create_directory(room.room / "elsewhere");
  write_bytes(room.room / "elsewhere/3.png", shade(3));
  fs::create_directory_symlink("../elsewhere", room.folder / "b");
  fs::create_symlink("a/2.png", room.folder / "c.png");
  CHECK(room.shades() == Shades{1, 2, 3, 2});
}

TEST_CASE("The packed file lies beside the folder, however that is named", "[image_folder]") {
  const fs::path expected = "/data/faces-64x64.cache.npy";
  for (const char* folder : {"/data/faces", "/data/faces/", "/data/./faces", "/data/other/../faces//"})
    CHECK(data::packed_images_file(folder, 64) == expected);
  CHECK(data::packed_images_file("faces", 8) == fs::current_path() / "faces-8x8.cache.npy");
}

TEST_CASE("A packed file that is not the folder's is made anew", "[image_folder]") {
  Room room;
  room.add("1.png", shade(1));
  room.add("2.png", shade(2));
  room.add("3.png", to_bytes("text"));
  CHECK(room.shades() == Shades{1, 2});
  const Bytes good = read_bytes(room.packed());
  const auto is_made_anew = [&](const Shades& expected) {
    CHECK(room.shades() == expected);
    CHECK(room.has_said("it is made anew"));
    CHECK(room.shades() == expected);
    CHECK_FALSE(room.has_said("it is made anew"));
  };

  SECTION("a picture more") {
    room.add("0.png", shade(7));
    is_made_anew({7, 1, 2});
  }
  SECTION("a picture less") {
    fs::remove(room.folder / "1.png");
    is_made_anew({2});
  }
  SECTION("a picture of another name") {
    fs::rename(room.folder / "1.png", room.folder / "4.png");
    is_made_anew({2, 1});
  }
  SECTION("a picture of another time") {
    const auto time = fs::last_write_time(room.folder / "2.png");
    room.add("2.png", shade(5));
    fs::last_write_time(room.folder / "2.png", time + std::chrono::nanoseconds(1000));
    is_made_anew({1, 5});
  }
  SECTION("a picture of another size") {
    const auto time = fs::last_write_time(room.folder / "2.png");
    room.add("2.png", joined(shade(5), to_bytes("more")));
    fs::last_write_time(room.folder / "2.png", time);
    is_made_anew({1, 5});
  }
  SECTION("the file is cut") {
    write_bytes(room.packed(), {good.begin(), good.end() - 1});
    is_made_anew({1, 2});
  }
  SECTION("the file is empty") {
    write_bytes(room.packed(), {});
    is_made_anew({1, 2});
  }
  SECTION("the file goes on") {
    write_bytes(room.packed(), joined(good, to_bytes("x")));
    is_made_anew({1, 2});
  }
  SECTION("the file is something else") {
    write_bytes(room.packed(), to_bytes("something else"));
    is_made_anew({1, 2});
  }
  for (const char* shape : {"(1, 4, 8, 3, )", "(2, 8, 2, 3, )", "(2, 4, 2, 6, )"}) {
    DYNAMIC_SECTION("the file has images of another shape, " << shape) {
      Bytes bytes = good;
      const auto count = std::ranges::search(bytes, to_bytes("(2, 4, 4, 3, )")).begin();
      REQUIRE(count != bytes.end());
      std::ranges::copy(to_bytes(shape), count);
      write_bytes(room.packed(), bytes);
      is_made_anew({1, 2});
    }
  }
  SECTION("the file is of another side") {
    room.load(8);
    fs::rename(room.packed(8), room.packed());
    is_made_anew({1, 2});
  }
  SECTION("a changed picture that is read again says no more that it was left out") {
    room.add("3.png", shade(3));
    is_made_anew({1, 2, 3});
    CHECK_FALSE(room.has_said("left out"));
  }
}

TEST_CASE("A moved folder keeps its packed file", "[image_folder]") {
  Room room;
  room.add("1.png", shade(1));
  room.load();
  const fs::path old = room.packed();
  fs::rename(room.folder, room.room / "moved");
  room.folder = room.room / "moved";
  fs::rename(old, room.packed());
  CHECK(room.shades() == Shades{1});
  CHECK(room.said == Lines{"1 images of 4 x 4 from " + room.packed().native()});
}

TEST_CASE("Where nothing can be written the images are in memory", "[image_folder]") {
  Room room;
  room.add("1.png", shade(1));
  room.add("2.png", shade(2));
  const auto stays_in_memory = [&] {
    CHECK(room.shades() == Shades{1, 2});
    CHECK(room.has_said("warning: " + room.packed().native() + ": "));
    CHECK(room.has_said("kept in memory only"));
    CHECK(room.has_said("2 images of 4 x 4 from " + room.folder.native()));
  };
  SECTION("a folder is in the way of the file") {
    fs::create_directories(room.packed() / "full");
    stays_in_memory();
    CHECK(room.room.names() == Lines{"pictures", "pictures-4x4.cache.npy"});
  }
  SECTION("a folder is in the way of its new version") {
    fs::create_directory(room.packed() += ".partial");
    stays_in_memory();
  }
  SECTION("the disk is full") {
    const FileSizeLimit limit(200);
    stays_in_memory();
    CHECK(room.room.names() == Lines{"pictures"});
  }
  SECTION("the folder is closed") {
    if (::geteuid() == 0) return;
    fs::permissions(room.room.path(), fs::perms::owner_read | fs::perms::owner_exec);
    stays_in_memory();
    fs::permissions(room.room.path(), fs::perms::owner_all);
  }
}

TEST_CASE("The first pass tells how far it is, and what is thrown there ends it", "[image_folder]") {
  Room room;
  for (int i = 0; i < 50; ++i) room.add(std::to_string(i) + ".png", shade(1));
  const auto caller = std::this_thread::get_id();
  int calls = 0;
  const data::PictureProgress progress = [&](int64_t done, int64_t count) {
    ++calls;
    CHECK((done >= 1 && done <= count));
    CHECK(count == 50);
    CHECK(std::this_thread::get_id() == caller);
  };
  data::load_image_folder(room.folder, 4, {.threads = 3, .progress = progress});
  CHECK(calls >= 1);

  calls = 0;
  data::load_image_folder(room.folder, 4, {.progress = progress});
  CHECK(calls == 0);  // It is packed.

  struct Enough {};
  const auto stop = [](int64_t, int64_t) { throw Enough(); };
  CHECK_THROWS_AS(data::load_image_folder(room.folder, 5, {.threads = 3, .progress = stop}), Enough);
  CHECK(room.room.names() == Lines{"pictures", "pictures-4x4.cache.npy"});
}

TEST_CASE("Batches are drawn from the packed file", "[image_folder]") {
  Room room;
  for (int i = 0; i < 8; ++i) room.add(std::to_string(i) + ".png", shade(static_cast<uint8_t>(i)));
  data::Batches batches(room.load(64), 4, 1, data::PixelRange::ZeroToOne);
  fs::remove(room.packed(64));
  std::vector<int> seen;
  for (int k = 0; k < 2; ++k) {
    const auto batch = batches.next();
    for (size_t row = 0; row < 4; ++row) seen.push_back(static_cast<int>(std::lround(255 * batch[row * 64 * 64 * 3])));
  }
  std::ranges::sort(seen);
  CHECK(seen == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
}
