#include "engine/safetensors.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <functional>
#include <numeric>

#include "tests/engine/safetensors_bytes.h"
#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

template <class T>
std::vector<T> values(const TensorEntry& entry) {
  std::vector<T> result(entry.bytes.size() / sizeof(T));
  std::memcpy(result.data(), entry.bytes.data(), entry.bytes.size());
  return result;
}

template <class T>
TensorEntry entry(const std::string& name, DType type, std::vector<int64_t> shape, const std::vector<T>& values) {
  return {name, type, std::move(shape), std::as_bytes(std::span(values))};
}

struct Malformed {
  const char* what;
  Bytes bytes;
};

/// The header of a file with one tensor whose fields are `fields`.
std::string one(const std::string& fields) { return "{\"a\":{" + fields + "}}"; }

std::vector<Malformed> malformed_files() {
  const std::string type = R"("dtype":"F32")", shape = R"("shape":[2])", offsets = R"("data_offsets":[0,8])";
  const std::string good = type + "," + shape + "," + offsets;
  const Bytes file = safetensors_bytes(one(good), 8);
  const auto with_shape = [&](const std::string& sizes, size_t bytes) {
    return safetensors_bytes(one(type + ",\"shape\":" + sizes + "," + offsets), bytes);
  };
  const auto with_offsets = [&](const std::string& range, size_t bytes) {
    return safetensors_bytes(one(type + "," + shape + ",\"data_offsets\":" + range), bytes);
  };
  const auto with_type = [&](const std::string& name) {
    return safetensors_bytes(one("\"dtype\":" + name + "," + shape + "," + offsets), 8);
  };
  const auto two = [&](const std::string& first, const std::string& second, size_t bytes) {
    return safetensors_bytes("{\"a\":{" + type + "," + shape + ",\"data_offsets\":" + first + "},\"b\":{" + type + "," +
                                 shape + ",\"data_offsets\":" + second + "}}",
                             bytes);
  };
  return {
      {"empty file", {}},
      {"seven bytes", Bytes(7)},
      {"no header", Bytes(8)},
      {"header longer than the file", with_length(file, 1000)},
      {"header length beyond 63 bits", with_length(file, ~0ull)},
      {"header length that wraps around", with_length(file, ~0ull - 7)},
      {"header cut short", with_length(file, 20)},
      {"data cut short", Bytes(file.begin(), file.end() - 1)},
      {"a byte too many", joined(file, Bytes(1))},
      {"not JSON", safetensors_bytes("{garbage}", 0)},
      {"not UTF-8", safetensors_bytes("{\"\xff\":{" + good + "}}", 8)},
      {"a list for a header", safetensors_bytes("[]", 0)},
      {"space before the header", safetensors_bytes(" {}", 0)},
      {"a zero byte in the header", safetensors_bytes(std::string("{}\0x", 4), 0)},
      {"text after the header", safetensors_bytes("{} {}", 0)},
      {"nested 100000 deep", safetensors_bytes("{\"a\":" + std::string(100'000, '['), 0)},
      {"objects nested", safetensors_bytes(one("\"a\":{\"a\":{}}"), 0)},
      {"a number for a tensor", safetensors_bytes("{\"a\":1}", 0)},
      {"a text for a tensor", safetensors_bytes("{\"a\":\"b\"}", 0)},
      {"null for a tensor", safetensors_bytes("{\"a\":null}", 0)},
      {"no dtype", safetensors_bytes(one(shape + "," + offsets), 8)},
      {"no shape", safetensors_bytes(one(type + "," + offsets), 8)},
      {"no offsets", safetensors_bytes(one(type + "," + shape), 8)},
      {"an unknown field", safetensors_bytes(one(good + ",\"x\":1"), 8)},
      {"shape twice", safetensors_bytes(one(good + "," + shape), 8)},
      {"dtype twice", safetensors_bytes(one(good + "," + type), 8)},
      {"a name twice", safetensors_bytes("{\"a\":{" + good + "},\"a\":{" + good + "}}", 8)},
      {"half precision", with_type("\"F16\"")},
      {"an unknown type with a line break", with_type("\"F\\n32\"")},
      {"a number for a type", with_type("32")},
      {"a negative size", with_shape("[-2]", 8)},
      {"a fractional size", with_shape("[2.0]", 8)},
      {"a size beyond 64 bits", with_shape("[99999999999999999999]", 8)},
      {"a size beyond 63 bits", with_shape("[9223372036854775808]", 8)},
      {"sizes that overflow", with_shape("[4294967296,4294967296]", 8)},
      {"sizes that wrap around to 8 bytes", with_shape("[2,4611686018427387905]", 8)},
      {"a boolean size", with_shape("[true]", 8)},
      {"a shape in a shape", with_shape("[[2]]", 8)},
      {"a number for a shape", with_shape("2", 8)},
      {"too small a shape", with_shape("[1]", 8)},
      {"too large a shape", with_shape("[3]", 8)},
      {"one offset", with_offsets("[8]", 8)},
      {"three offsets", with_offsets("[0,8,8]", 8)},
      {"offsets backwards", with_offsets("[8,0]", 8)},
      {"offsets beyond the file", with_offsets("[0,16]", 8)},
      {"offsets beyond 64 bits", with_offsets("[0,18446744073709551624]", 8)},
      {"an end of 64 bits", with_offsets("[0,18446744073709551615]", 8)},
      {"a hole at the start", with_offsets("[8,16]", 16)},
      {"a hole between", two("[0,8]", "[16,24]", 24)},
      {"overlapping tensors", two("[0,8]", "[4,12]", 12)},
      {"the same bytes twice", two("[0,8]", "[0,8]", 8)},
      {"metadata that is no object", safetensors_bytes("{\"__metadata__\":[]}", 0)},
      {"metadata that is no text", safetensors_bytes("{\"__metadata__\":{\"a\":1}}", 0)},
      {"metadata twice", safetensors_bytes("{\"__metadata__\":{},\"__metadata__\":{}}", 0)},
      {"a metadata key twice", safetensors_bytes("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0)},
  };
}

}  // namespace

TEST_CASE("A safetensors file gives back what was written", "[safetensors]") {
  const TemporaryFolder folder;
  const std::vector<uint8_t> bytes{1, 2, 3};
  const std::vector<float> matrix{1, -2, 3.5f, 4, 5, 6};
  const std::vector<double> scalar{0.1};
  const std::vector<int32_t> small{-1, 1 << 30};
  const std::vector<int64_t> large{-(int64_t{1} << 62)};
  const std::vector<uint64_t> counter{~0ull};
  const std::vector<TensorEntry> tensors{
      entry("bytes", DType::U8, {3}, bytes),   entry("critic.0.weight", DType::F32, {2, 3}, matrix),
      entry("scalar", DType::F64, {}, scalar), entry("small", DType::I32, {2, 1}, small),
      entry("large", DType::I64, {1}, large),  entry("counter", DType::U64, {1}, counter),
      {"empty", DType::F32, {0, 7}, {}},
  };
  const SafetensorsMetadata metadata{{"device", "cpu"}, {"quote", "\"\\\n\u00e4"}};
  write_safetensors(folder / "file", tensors, metadata);
  CHECK(folder.names() == std::vector<std::string>{"file"});

  const SafetensorsFile file = SafetensorsFile::read(folder / "file");
  CHECK(file.metadata() == metadata);
  CHECK(file.entries().size() == tensors.size());
  CHECK(values<uint8_t>(file.at("bytes")) == bytes);
  CHECK(values<float>(file.at("critic.0.weight")) == matrix);
  CHECK(values<double>(file.at("scalar")) == scalar);
  CHECK(values<int32_t>(file.at("small")) == small);
  CHECK(values<int64_t>(file.at("large")) == large);
  CHECK(values<uint64_t>(file.at("counter")) == counter);
  for (const TensorEntry& tensor : tensors) {
    CHECK(file.contains(tensor.name));
    CHECK(file.at(tensor.name).type == tensor.type);
    CHECK(file.at(tensor.name).shape == tensor.shape);
  }
  for (const TensorEntry& tensor : file.entries()) {
    if (tensor.bytes.empty()) continue;
    const auto elements = std::accumulate(tensor.shape.begin(), tensor.shape.end(), size_t{1}, std::multiplies<>());
    CHECK(reinterpret_cast<uintptr_t>(tensor.bytes.data()) % (tensor.bytes.size() / elements) == 0);
  }
}

TEST_CASE("A file of no tensors is one", "[safetensors]") {
  const TemporaryFolder folder;
  write_safetensors(folder / "file", {});
  CHECK(read_bytes(folder / "file") == joined(Bytes{std::byte{8}, {}, {}, {}, {}, {}, {}, {}}, to_bytes("{}      ")));
  CHECK(SafetensorsFile::read(folder / "file").entries().empty());
}

TEST_CASE("Entries survive a move of their file", "[safetensors]") {
  SafetensorsFile first =
      SafetensorsFile::parse(safetensors_bytes(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2), "name");
  const SafetensorsFile second = std::move(first);
  CHECK(values<uint8_t>(second.at("a")) == std::vector<uint8_t>{0, 1});
}

TEST_CASE("Files of other writers are read", "[safetensors]") {
  // Python's writer: metadata first, then by the width of the type, padded with spaces.
  const SafetensorsFile file = SafetensorsFile::parse(
      safetensors_bytes(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
                        R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},)"
                        R"("none":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}   )",
                        11),
      "name");
  CHECK(file.metadata().at("format") == "pt");
  CHECK(file.at("w").shape == std::vector<int64_t>{1, 2});
  CHECK(values<uint8_t>(file.at("b")) == std::vector<uint8_t>{8, 9, 10});
  CHECK(file.at("none").bytes.empty());
}

TEST_CASE("A malformed safetensors file is one line with its name", "[safetensors]") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  for (const Malformed& malformed : malformed_files()) {
    write_bytes(path, malformed.bytes);
    const std::string message = data_error([&] { SafetensorsFile::read(path); });
    INFO(malformed.what << ": " << message);
    CHECK(is_one_line_with(message, path.native()));
  }
  CHECK(is_one_line_with(data_error([&] { SafetensorsFile::read(folder.path()); }), folder.path().native()));
  CHECK(is_one_line_with(data_error([&] { SafetensorsFile::read(folder / "none"); }), (folder / "none").native()));
}

TEST_CASE("A missing tensor is one line with the file's name", "[safetensors]") {
  const SafetensorsFile file = SafetensorsFile::parse(safetensors_bytes("{}", 0), "name");
  CHECK_FALSE(file.contains("step"));
  CHECK(is_one_line_with(data_error([&] { file.at("step"); }), "name: has no tensor step"));
}

TEST_CASE("What cannot be written is refused before a file is touched", "[safetensors]") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  write_bytes(path, to_bytes("old"));
  const std::vector<float> two{1, 2};
  const auto write = [&](std::vector<TensorEntry> tensors, const SafetensorsMetadata& metadata = {}) {
    write_safetensors(path, tensors, metadata);
  };
  CHECK_THROWS_AS(write({entry("a", DType::F32, {3}, two)}), ShapeError);
  CHECK_THROWS_AS(write({entry("a", DType::F32, {-2}, two)}), ShapeError);
  CHECK_THROWS_AS(write({entry("a", DType::F32, {2, int64_t{1} << 62}, two)}), ShapeError);
  CHECK_THROWS_AS(write({entry("a", DType::F32, {2}, two), entry("a", DType::F32, {2}, two)}), UsageError);
  CHECK_THROWS_AS(write({entry("__metadata__", DType::F32, {2}, two)}), UsageError);
  CHECK_THROWS_AS(write({entry("\xff", DType::F32, {2}, two)}), UsageError);
  CHECK_THROWS_AS(write({}, {{"key", "\xff"}}), UsageError);
  CHECK_THROWS_AS(write_safetensors(folder / "missing/file", {}), DataError);
  CHECK(read_bytes(path) == to_bytes("old"));
  CHECK(folder.names() == std::vector<std::string>{"file"});
}
