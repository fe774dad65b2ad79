#include "engine/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "engine/atomic_file.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr size_t kLengthBytes = sizeof(uint64_t);
constexpr uint64_t kLongestHeader = 100'000'000;  // the limit of the format's reference implementation
constexpr std::string_view kMetadataKey = "__metadata__";

struct TypeInfo {
  DType type;
  std::string_view name;
  int64_t bytes;
};
constexpr TypeInfo kTypes[] = {
    {DType::U8, "U8", 1},   {DType::I32, "I32", 4}, {DType::F32, "F32", 4},
    {DType::I64, "I64", 8}, {DType::U64, "U64", 8}, {DType::F64, "F64", 8},
};

const TypeInfo& info(DType type) { return *std::ranges::find(kTypes, type, &TypeInfo::type); }

/// Bytes of a tensor, or nothing when a size is negative or the product overflows.
std::optional<uint64_t> size_in_bytes(DType type, std::span<const int64_t> shape) {
  int64_t bytes = info(type).bytes;
  for (const int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes)) return std::nullopt;
  }
  return static_cast<uint64_t>(bytes);
}

std::string to_text(std::span<const int64_t> shape) {
  std::string text = "[";
  for (const int64_t size : shape) text += (text.size() > 1 ? "," : "") + std::to_string(size);
  return text + "]";
}

/// A tensor as the header describes it.
struct Description {
  std::string name;
  std::optional<DType> type;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<uint64_t>> offsets;
};

/// Takes the header's JSON event by event and accepts the format's grammar and nothing else: a document tree would take
/// many times the header's size and would keep only the last of two equal keys.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}

  std::vector<Description> tensors;
  SafetensorsMetadata metadata;

  bool start_object(size_t) override {
    if (place_ == Place::Outside) {
      place_ = Place::Header;
    } else if (place_ == Place::Header && key_ == kMetadataKey) {
      place_ = Place::Metadata;
    } else if (place_ == Place::Header) {
      place_ = Place::Tensor;
      tensors.push_back({.name = key_, .type = {}, .shape = {}, .offsets = {}});
    } else {
      fail_at_key("holds an object");
    }
    return true;
  }

  bool key(std::string& key) override {
    key_ = std::move(key);
    if (place_ == Place::Header && !names_.insert(key_).second) fail_at_key("occurs twice");
    if (place_ == Place::Metadata && metadata.contains(key_)) fail_at_key("occurs twice");
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == Place::Metadata) {
      metadata.emplace(key_, std::move(value));
    } else if (place_ == Place::Tensor && key_ == "dtype" && !tensors.back().type) {
      const auto* type = std::ranges::find(kTypes, value, &TypeInfo::name);
      if (type == std::end(kTypes)) {
        fail("tensor " + printable(tensors.back().name) + " has elements of type " + printable(value) +
             "; U8, I32, F32, I64, U64 and F64 are read");
      }
      tensors.back().type = type->type;
    } else {
      fail_at_key("holds a text");
    }
    return true;
  }

  bool start_array(size_t) override {
    if (place_ == Place::Tensor && key_ == "shape" && !tensors.back().shape) {
      tensors.back().shape.emplace();
      place_ = Place::Shape;
    } else if (place_ == Place::Tensor && key_ == "data_offsets" && !tensors.back().offsets) {
      tensors.back().offsets.emplace();
      place_ = Place::Offsets;
    } else {
      fail_at_key("holds a list");
    }
    return true;
  }

  bool number_unsigned(uint64_t value) override {
    if (place_ == Place::Shape) {
      if (value > uint64_t{std::numeric_limits<int64_t>::max()}) fail_at_key("holds a size beyond 63 bits");
      tensors.back().shape->push_back(static_cast<int64_t>(value));
    } else if (place_ == Place::Offsets) {
      tensors.back().offsets->push_back(value);
    } else {
      fail_at_key("holds a number");
    }
    return true;
  }

  bool end_array() override {
    place_ = Place::Tensor;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::Tensor) {
      const Description& tensor = tensors.back();
      if (!tensor.type || !tensor.shape || !tensor.offsets || tensor.offsets->size() != 2) {
        fail("tensor " + printable(tensor.name) + " lacks a dtype, a shape or two data_offsets");
      }
    }
    place_ = place_ == Place::Header ? Place::Outside : Place::Header;
    return true;
  }

  bool null() override { fail_at_key("holds null"); }
  bool boolean(bool) override { fail_at_key("holds a truth value"); }
  bool number_integer(int64_t) override { fail_at_key("holds a negative number"); }
  bool number_float(double, const std::string&) override { fail_at_key("holds a number that is not a whole one"); }
  bool binary(nlohmann::json::binary_t&) override { fail_at_key("holds binary"); }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("its header is not JSON at byte " + std::to_string(position));
  }

 private:
  enum class Place { Outside, Header, Metadata, Tensor, Shape, Offsets };

  [[noreturn]] void fail_at_key(const std::string& what) const {
    fail("its header's key \"" + printable(key_) + "\" " + what + ", which the format does not allow");
  }
  [[noreturn]] void fail(const std::string& what) const { throw DataError(file_ + ": " + what); }

  const std::string& file_;
  Place place_ = Place::Outside;
  std::string key_;
  std::set<std::string> names_;
};

/// Checks a description against the `available` bytes of data and against `begin`, where the tensor before it ends;
/// returns its own end.
uint64_t checked_end(const std::string& file, const Description& tensor, uint64_t begin, uint64_t available) {
  const std::string subject = file + ": tensor " + printable(tensor.name);
  const uint64_t first = (*tensor.offsets)[0];
  const uint64_t end = (*tensor.offsets)[1];
  const std::string range = "[" + std::to_string(first) + "," + std::to_string(end) + ")";
  if (end < first) throw DataError(subject + " ends before it begins: bytes " + range);
  if (end > available) {
    throw DataError(subject + " takes bytes " + range + " of " + std::to_string(available) +
                    "; the file is truncated, copy it again");
  }
  if (first != begin) {
    throw DataError(subject + " takes bytes " + range + ", but the tensors before it end at byte " +
                    std::to_string(begin) + "; the format allows no gap and no overlap");
  }
  const auto bytes = size_in_bytes(*tensor.type, *tensor.shape);
  if (bytes != end - first) {
    throw DataError(subject + " of shape " + to_text(*tensor.shape) + " and type " +
                    std::string(info(*tensor.type).name) + " does not fill bytes " + range);
  }
  return end;
}

std::string header_text(std::span<const TensorEntry* const> tensors, const SafetensorsMetadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadataKey)] = metadata;
  uint64_t begin = 0;
  for (const TensorEntry* tensor : tensors) {
    const uint64_t end = begin + tensor->bytes.size();
    header.push_back(
        {tensor->name, {{"dtype", info(tensor->type).name}, {"shape", tensor->shape}, {"data_offsets", {begin, end}}}});
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  return text;
}

void check_for_writing(std::span<const TensorEntry> tensors) {
  std::set<std::string_view> names{kMetadataKey};
  for (const TensorEntry& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      throw UsageError("safetensors: the name " + printable(tensor.name) + " is taken; give each tensor its own");
    }
    if (size_in_bytes(tensor.type, tensor.shape) != tensor.bytes.size()) {
      throw ShapeError("safetensors: " + printable(tensor.name) + " of shape " + to_text(tensor.shape) + " and type " +
                       std::string(info(tensor.type).name) + " comes with " + std::to_string(tensor.bytes.size()) +
                       " bytes");
    }
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::read(const std::filesystem::path& path) {
  return parse(read_file(path), path.native());
}

SafetensorsFile SafetensorsFile::parse(std::vector<std::byte> bytes, std::string_view name) {
  SafetensorsFile file;
  file.name_ = printable(name);
  file.bytes_ = std::move(bytes);
  const auto fail = [&](const std::string& what) { throw DataError(file.name_ + ": " + what); };

  uint64_t header_bytes = 0;
  if (file.bytes_.size() < kLengthBytes) fail("too short to be a safetensors file; is it complete?");
  std::memcpy(&header_bytes, file.bytes_.data(), kLengthBytes);
  const uint64_t rest = file.bytes_.size() - kLengthBytes;
  if (header_bytes > rest || header_bytes > kLongestHeader) {
    fail("says its header has " + std::to_string(header_bytes) + " bytes, but " +
         std::to_string(std::min(rest, kLongestHeader)) + " are possible; it is truncated or not a safetensors file");
  }
  const auto header = std::span(file.bytes_).subspan(kLengthBytes, header_bytes);
  // The JSON parser would take a zero byte for the end.
  if (header.empty() || header[0] != std::byte{'{'} || std::ranges::find(header, std::byte{0}) != header.end()) {
    fail("its header is not a JSON object; is it a safetensors file?");
  }

  HeaderReader reader(file.name_);
  const char* text = reinterpret_cast<const char*>(header.data());
  nlohmann::json::sax_parse(text, text + header.size(), &reader);
  std::ranges::sort(reader.tensors, {}, &Description::offsets);

  const auto data = std::span<const std::byte>(file.bytes_).subspan(kLengthBytes + header_bytes);
  uint64_t begin = 0;
  for (Description& tensor : reader.tensors) {
    const uint64_t end = checked_end(file.name_, tensor, begin, data.size());
    file.index_.emplace(tensor.name, file.entries_.size());
    file.entries_.push_back(
        {std::move(tensor.name), *tensor.type, std::move(*tensor.shape), data.subspan(begin, end - begin)});
    begin = end;
  }
  if (begin != data.size()) fail("has " + std::to_string(data.size() - begin) + " bytes after its last tensor");
  file.metadata_ = std::move(reader.metadata);
  return file;
}

const TensorEntry& SafetensorsFile::at(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw DataError(name_ + ": has no tensor " + printable(name) + "; is it of this program?");
  return entries_[found->second];
}

void write_safetensors(const std::filesystem::path& path, std::span<const TensorEntry> tensors,
                       const SafetensorsMetadata& metadata) {
  check_for_writing(tensors);
  std::vector<const TensorEntry*> order;
  for (const TensorEntry& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::greater{}, [](const TensorEntry* tensor) { return info(tensor->type).bytes; });

  std::string header;
  try {
    header = header_text(order, metadata);
  } catch (const nlohmann::json::exception&) {
    throw UsageError("safetensors: a name or a metadata text for " + printable(path.native()) + " is not UTF-8");
  }
  const uint64_t header_bytes = header.size();

  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const TensorEntry* tensor : order) file.write(tensor->bytes);
  file.commit();
}

}  // namespace wasserkern
