#include <catch2/catch.hpp>
#include <random>

#include "tests/fuzz/targets.h"

using namespace wasserkern::testing;

namespace {

/// Numbers that parsers trip over, and pieces of the formats.
const std::vector<Bytes>& dictionary() {
  static const std::vector<Bytes> words{
      Bytes(1),
      Bytes(4),
      Bytes(4, std::byte{0xff}),
      Bytes(8, std::byte{0xff}),
      {std::byte{0x7f}, std::byte{0xff}, std::byte{0xff}, std::byte{0xff}},
      {std::byte{0x80}, {}, {}, {}},
      to_bytes("\x1f\x8b\x08"),
      to_bytes("{"),
      to_bytes("}"),
      to_bytes("[[[["),
      to_bytes("\""),
      to_bytes(","),
      to_bytes("-1"),
      to_bytes("18446744073709551615"),
      to_bytes("1e999"),
      to_bytes("null"),
      to_bytes("\"__metadata__\":{"),
      to_bytes("\"shape\":[0]"),
      to_bytes("\"dtype\":\"U8\""),
      to_bytes("\"data_offsets\":[0,0]"),
      to_bytes("\xff\xd8"),
      to_bytes("\xff\xd9"),
      to_bytes("\xff\xda"),
      to_bytes("IDAT"),
      to_bytes("'shape': (1, "),
      to_bytes("'descr': '<f8', "),
      to_bytes("True"),
  };
  return words;
}

/// One small change of the kind that libFuzzer makes. Only the engine's words are used: the standard library's
/// distributions differ from one to the next.
void mutate(Bytes& bytes, std::mt19937_64& random) {
  const size_t place = bytes.empty() ? 0 : random() % bytes.size();
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(place);
  switch (random() % 6) {
    case 0:
      if (!bytes.empty()) bytes[place] ^= static_cast<std::byte>(1u << random() % 8);
      break;
    case 1:
      if (!bytes.empty()) bytes[place] = static_cast<std::byte>(random());
      break;
    case 2: bytes.resize(place); break;
    case 3: bytes.erase(at, at + std::min<std::ptrdiff_t>(bytes.end() - at, 1 + random() % 8)); break;
    case 4: {
      const Bytes& word = dictionary()[random() % dictionary().size()];
      bytes.insert(at, word.begin(), word.end());
      break;
    }
    case 5: {
      const Bytes& word = dictionary()[random() % dictionary().size()];
      std::copy_n(word.begin(), std::min<std::ptrdiff_t>(bytes.end() - at, std::ssize(word)), at);
      break;
    }
  }
}

}  // namespace

TEST_CASE("Readers answer damaged files with a DataError and nothing else", "[fuzz]") {
  for (const FuzzTarget& target : fuzz_targets()) {
    std::mt19937_64 random(20261121);
    for (const Bytes& seed : target.seeds) target.run(seed);
    for (int round = 0; round < target.rounds; ++round) {
      Bytes bytes = target.seeds[random() % target.seeds.size()];
      for (uint64_t changes = 1 + random() % 4; changes > 0; --changes) mutate(bytes, random);
      INFO("target " << target.name << ", round " << round);
      REQUIRE_NOTHROW(target.run(bytes));
    }
  }
}

TEST_CASE("The seeds of the fuzzers are well-formed", "[fuzz]") {
  for (const FuzzTarget& target : fuzz_targets()) {
    for (const Bytes& seed : target.seeds) {
      if (target.run == fuzz_idx) {
        const bool images = data_error([&] { wasserkern::data::parse_idx(seed, "seed"); }).empty();
        const bool labels = data_error([&] { wasserkern::data::parse_idx_labels(seed, "seed"); }).empty();
        CHECK(images != labels);
      } else if (target.run == fuzz_cifar10) {
        CHECK(data_error([&] { wasserkern::data::parse_cifar10(seed, "seed"); }).empty());
      } else if (target.run == fuzz_image) {
        CHECK(data_error([&] { wasserkern::data::decode_image(std::span(seed).subspan(1), "seed"); }).empty());
      } else if (target.run == fuzz_npy) {
        CHECK(data_error([&] { wasserkern::parse_npy_floats(seed, "seed"); }).empty());
      } else if (target.run == fuzz_packed_images) {
        CHECK(data_error([&] { wasserkern::data::parse_packed_images(seed, nullptr, "seed"); }).empty());
      } else if (target.run == fuzz_safetensors) {
        CHECK(data_error([&] { wasserkern::SafetensorsFile::parse(seed, "seed"); }).empty());
      }
    }
  }
}
