#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/byte_reader.h"
#include "data/idx.h"
#include "engine/safetensors.h"
#include "tests/data/idx_bytes.h"
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

struct FuzzTarget {
  const char* name;
  void (*run)(std::span<const std::byte>);
  std::vector<Bytes> seeds;
};

inline std::vector<FuzzTarget> fuzz_targets() {
  const Bytes packed = gzip(idx_images(3, 4, 5));
  const Bytes expects_76{std::byte{0}, std::byte{76}};
  return {
      {"idx", fuzz_idx, {idx_images(3, 4, 5), idx_labels(20), packed, gzip(idx_labels(20))}},
      {"gzip",
       fuzz_gzip,
       {joined(expects_76, packed), joined(expects_76, idx_images(3, 4, 5)),
        joined({std::byte{0x01}, std::byte{0x04}}, joined(gzip(counting_bytes(250)), gzip(counting_bytes(10))))}},
      {"safetensors",
       fuzz_safetensors,
       {safetensors_bytes(R"({"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})", 8),
        safetensors_bytes(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F64","shape":[1,2],"data_offsets":[0,16]},)"
                          R"("b":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}   )",
                          19)}},
  };
}

}  // namespace wasserkern::testing
