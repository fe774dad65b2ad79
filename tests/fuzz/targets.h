#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/harness/flags.h"
#include "bench/harness/metrics_file.h"
#include "bench/harness/run_folder.h"
#include "data/byte_reader.h"
#include "data/centre_square.h"
#include "data/cifar10.h"
#include "data/idx.h"
#include "data/image_file.h"
#include "data/packed_images.h"
#include "engine/npy.h"
#include "engine/safetensors.h"
#include "tests/data/cifar10_bytes.h"
#include "tests/data/picture_bytes.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/files.h"

/// Every reader of outside bytes as a function of any bytes at all, with well-formed bytes to start from. A target
/// throws std::logic_error when the reader breaks its word; libFuzzer and the replay test both take any exception as a
/// finding.
namespace wasserkern::testing {

inline void require(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

/// Runs `read`, which may throw a one-line DataError with the name and nothing else.
template <class Read>
void read_or_data_error(Read&& read) {
  try {
    read();
  } catch (const DataError& error) {
    require(is_one_line_with(error.what(), "fuzzed"), "the message is not one line with the file's name");
  }
}

inline void fuzz_idx(std::span<const std::byte> bytes) {
  read_or_data_error([&] {
    const data::Images images = data::parse_idx(bytes, "fuzzed");
    require(static_cast<int64_t>(images.pixels.size()) == images.count * images.features(), "pixels are missing");
  });
  read_or_data_error([&] { data::parse_idx_labels(bytes, "fuzzed"); });
}

inline void fuzz_cifar10(std::span<const std::byte> bytes) {
  read_or_data_error([&] {
    const data::Images images = data::parse_cifar10(bytes, "fuzzed");
    require(images.count > 0 && images.count <= 10'000, "a file of no images, or of too many");
    require(static_cast<int64_t>(images.pixels.size()) == images.count * images.features(), "pixels are missing");
    require(static_cast<int64_t>(images.labels.size()) == images.count, "labels are missing");
    for (const uint8_t label : images.labels) require(label < 10, "a label that is none");
  });
}

/// The first two bytes say how much is expected of the rest, which is read in pieces.
inline void fuzz_gzip(std::span<const std::byte> bytes) {
  if (bytes.size() < 2) return;
  size_t left = std::to_integer<size_t>(bytes[0]) << 8 | std::to_integer<size_t>(bytes[1]);
  read_or_data_error([&] {
    data::ByteReader reader(bytes.subspan(2), "fuzzed");
    const bool possible = left <= reader.capacity();
    for (std::array<uint8_t, 1000> piece; left > 0;) {
      const size_t now = std::min(left, piece.size());
      reader.read(std::span(piece).first(now));
      left -= now;
    }
    reader.finish();
    require(possible, "more was read than the capacity");
  });
}

inline void fuzz_safetensors(std::span<const std::byte> bytes) {
  read_or_data_error([&] {
    const SafetensorsFile file = SafetensorsFile::parse({bytes.begin(), bytes.end()}, "fuzzed");
    size_t data = 0;
    for (const TensorEntry& tensor : file.entries()) {
      require(&file.at(tensor.name) == &tensor, "a tensor is not found by its name");
      data += tensor.bytes.size();
    }
    require(data + sizeof(uint64_t) <= bytes.size(), "tensors overlap");
  });
}

/// A file in a folder that lives as long as the program, for readers that open their files themselves.
inline std::filesystem::path fuzzed_file(const char* name, std::span<const std::byte> bytes) {
  static const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "fuzzed");
  write_bytes(folder.path() / "fuzzed" / name, {bytes.begin(), bytes.end()});
  return folder.path() / "fuzzed" / name;
}

/// A resumed run's table, or its lines of JSON: the first byte says which, and the last step that is kept.
inline void fuzz_metrics(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const auto last_step = std::to_integer<uint64_t>(bytes[0]) & 0x7f;
  const bool json = (bytes[0] & std::byte{0x80}) != std::byte{0};
  std::filesystem::path table = fuzzed_file("metrics.csv", json ? Bytes() : Bytes(bytes.begin() + 1, bytes.end()));
  const std::filesystem::path lines =
      fuzzed_file("metrics.jsonl", json ? Bytes(bytes.begin() + 1, bytes.end()) : Bytes());
  read_or_data_error([&] {
    { const bench::MetricsFile file(table, last_step, json); }
    const Bytes once = read_bytes(json ? lines : table);
    { const bench::MetricsFile file(table, last_step, json); }
    require(once == read_bytes(json ? lines : table), "what was kept is not kept again");
    require(once.empty() || once.back() == std::byte{'\n'}, "half a row was kept");
  });
}

/// A resumed run's config.json, and the flags that take their values from it.
inline void fuzz_config(std::span<const std::byte> bytes) {
  const std::string folder = fuzzed_file("config.json", bytes).parent_path();
  read_or_data_error([&] {
    const nlohmann::json config = bench::RunFolder(folder, "fuzz").read_config("fuzz");
    bench::Flags flags("fuzz", "fuzz", {});
    flags.resume(folder, config["flags"]);
    try {
      flags.integer({"count", "", ""}, 5, 1, 10);
      flags.number({"rate", "", ""}, 0.5);
      flags.text({"name", "", ""}, "nobody");
      flags.choice({"kind", "", ""}, {"one", "two"});
      flags.toggle({"loud", "", ""});
      flags.finish();
    } catch (const UsageError& error) {
      require(std::string_view(error.what()).find('\n') == std::string_view::npos, "the message is not one line");
    }
  });
}

/// Decoding, and resizing to a side that the first byte says.
inline void fuzz_image(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const auto side = std::to_integer<int64_t>(bytes[0]) % 32 + 1;
  read_or_data_error([&] {
    const data::RgbImage image = data::decode_image(bytes.subspan(1), "fuzzed");
    require(image.height > 0 && image.width > 0, "a picture without pixels");
    std::vector<uint8_t> square(static_cast<size_t>(side * side * 3));
    data::centre_square(image, side, square);
    const std::span pixels(image.pixels.get(), static_cast<size_t>(image.height * image.width * 3));
    const auto [darkest, brightest] = std::ranges::minmax(pixels);
    for (const uint8_t value : square) require(value >= darkest && value <= brightest, "a value that was not there");
  });
}

inline void fuzz_packed_images(std::span<const std::byte> bytes) {
  read_or_data_error([&] {
    const data::PackedImages packed = data::parse_packed_images(bytes, nullptr, "fuzzed");
    const data::Images& images = packed.images;
    require(images.count > 0 && images.features() > 0, "no images");
    require(static_cast<int64_t>(images.pixels.size()) == images.count * images.features(), "pixels are missing");
    require(images.pixels.size() + packed.source.size() + packed.left_out.size() < bytes.size(), "arrays overlap");
    const std::vector<uint8_t> copy(images.pixels.begin(), images.pixels.end());
    require(images.pixels == data::Pixels(copy), "the pixels cannot be read");
  });
}

inline void fuzz_npy(std::span<const std::byte> bytes) {
  read_or_data_error([&] {
    const NpyFloats array = parse_npy_floats(bytes, "fuzzed");
    const auto size = static_cast<size_t>(array.shape.size());
    require(array.to_floats().size() == size && array.to_doubles().size() == size, "values are missing");
  });
}

/// An array of zeros, after the header that numpy.save writes for it.
inline Bytes npy_array(const std::string& type, const std::string& shape, size_t size) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize(117, ' ');
  return joined(joined(to_bytes("\x93NUMPY\x01"), {std::byte{0}, std::byte{118}, std::byte{0}}),
                joined(to_bytes(header + "\n"), Bytes(size)));
}

/// A packed file of these images.
inline Bytes packed_images(const Shape& shape, const std::string& pixels) {
  const auto array = [](const Shape& extents, const std::string& values) {
    return to_bytes(npy_bytes_header(extents) + values);
  };
  return joined(array(shape, pixels), joined(array({5}, "maker"), array({3}, "out")));
}

struct FuzzTarget {
  const char* name;
  void (*run)(std::span<const std::byte>);
  std::vector<Bytes> seeds;
  int rounds = 20'000;  // of the replay test
};

inline std::vector<FuzzTarget> fuzz_targets() {
  const Bytes packed = gzip(idx_images(3, 4, 5));
  const Bytes expects_76{std::byte{0}, std::byte{76}};
  const auto to_side = [](uint8_t side, const Bytes& picture) { return joined({std::byte(side - 1)}, picture); };
  return {
      {"idx", fuzz_idx, {idx_images(3, 4, 5), idx_labels(20), packed, gzip(idx_labels(20))}},
      {"cifar10",
       fuzz_cifar10,
       {cifar10_images(1, 9), cifar10_images(2), gzip(cifar10_images(2)),
        joined(gzip(cifar10_images(1)), gzip(cifar10_images(1, 5)))},
       5'000},
      {"gzip",
       fuzz_gzip,
       {joined(expects_76, packed), joined(expects_76, idx_images(3, 4, 5)),
        joined({std::byte{0x01}, std::byte{0x04}}, joined(gzip(counting_bytes(250)), gzip(counting_bytes(10))))}},
      {"image",
       fuzz_image,
       {to_side(8, from_hex(kBaselineJpeg)), to_side(9, from_hex(kHalvedChromaJpeg)),
        to_side(20, from_hex(kProgressiveJpeg)), to_side(3, from_hex(kGreyJpeg)), to_side(1, from_hex(kCmykJpeg)),
        to_side(4, png({2, 1, 8, 2}, {0, 1, 2, 3, 4, 5, 6})), to_side(2, png({2, 1, 16, 6}, std::vector<uint8_t>(17))),
        to_side(5, png({2, 1, 1, 0}, {0, 0x40})), to_side(1, png({3, 2, 8, 4, 1}, std::vector<uint8_t>(18))),
        to_side(7, png({2, 2, 4, 3}, {1, 0x10, 4, 0x01}, {1, 2, 3, 4, 5, 6}))},
       5'000},
      {"npy", fuzz_npy, {npy_array("<f4", "(3, 2)", 24), npy_array("<f8", "(5,)", 40), npy_array("<f4", "()", 4)}},
      {"packed_images",
       fuzz_packed_images,
       {packed_images({2, 1, 2, 3}, "abcdefghijkl"), packed_images({1, 2, 1, 1}, "ab")}},
      {"safetensors",
       fuzz_safetensors,
       {safetensors_bytes(R"({"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})", 8),
        safetensors_bytes(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F64","shape":[1,2],"data_offsets":[0,16]},)"
                          R"("b":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}   )",
                          19)}},
      {"metrics",
       fuzz_metrics,
       {to_bytes("\x02step,dual,distance\n1,0.5,\n2,,1e-3\n3,inf,2\n"), to_bytes("\x7fstep\n1\n"),
        joined({std::byte{0x82}}, to_bytes("{\"step\":1,\"dual\":0.5}\n{\"step\":2}\n{\"step\":3}\n"))},
       500},
      {"config",
       fuzz_config,
       {to_bytes(R"({"experiment": "fuzz", "flags": {"count": 7, "rate": 1e-3, "name": "a", "kind": "two"}})"),
        to_bytes(R"({"experiment": "fuzz", "flags": {"loud": true}})")},
       5'000},
  };
}

}  // namespace wasserkern::testing
