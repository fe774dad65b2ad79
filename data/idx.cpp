#include "data/idx.h"

#include <algorithm>
#include <array>
#include <string>

#include "data/byte_reader.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;

std::string hexadecimal(uint8_t value) {
  constexpr char digits[] = "0123456789abcdef";
  return {'0', 'x', digits[value >> 4], digits[value & 15]};
}

void check_magic(const std::array<uint8_t, 4>& magic, size_t dimensions, const std::string& name) {
  if (magic[0] != 0 || magic[1] != 0) throw DataError(name + ": is not an IDX file; it must start with two zero bytes");
  if (magic[2] != kUnsignedByte) {
    throw DataError(name + ": has elements of type " + hexadecimal(magic[2]) + "; unsigned bytes (0x08) are read");
  }
  if (magic[3] != dimensions) {
    throw DataError(name + ": has " + std::to_string(magic[3]) + " for its number of dimensions, not " +
                    std::to_string(dimensions) + "; images have 3, labels 1");
  }
}

/// The header's sizes, none of them zero but the first, whose product the file can hold.
template <size_t dimensions>
std::array<int64_t, dimensions> read_sizes(ByteReader& reader) {
  std::array<uint8_t, 4> word;
  reader.read(word);
  check_magic(word, dimensions, reader.name());

  std::array<int64_t, dimensions> sizes;
  int64_t elements = 1;
  bool overflow = false;
  std::string shape;
  for (size_t i = 0; i < dimensions; ++i) {
    reader.read(word);
    sizes[i] = int64_t{word[0]} << 24 | word[1] << 16 | word[2] << 8 | word[3];
    // Of no images, one must still have a size that can be told.
    overflow |= __builtin_mul_overflow(elements, std::max(sizes[i], int64_t{1}), &elements);
    shape += (i > 0 ? " x " : "") + std::to_string(sizes[i]);
    // Any number of images without a pixel fits into any file.
    if (i > 0 && sizes[i] == 0) throw DataError(reader.name() + ": promises images without pixels");
  }
  if (overflow || (sizes[0] > 0 && static_cast<uint64_t>(elements) > reader.capacity())) {
    throw DataError(reader.name() + ": promises " + shape + " bytes, more than a file of its size can hold; " +
                    "it is truncated, fetch or copy it again");
  }
  return sizes;
}

std::vector<uint8_t> read_elements(ByteReader& reader, int64_t count) {
  std::vector<uint8_t> elements(static_cast<size_t>(count));
  reader.read(elements);
  reader.finish();
  return elements;
}

/// What to do about data that is missing, from the name of the folder it should be in.
std::string fetch_command(const std::filesystem::path& folder) {
  const std::string name = folder.filename().native();
  if (name == "mnist" || name == "fashion-mnist") return "run tools/fetch-data " + name;
  return "run tools/fetch-data mnist or tools/fetch-data fashion-mnist";
}

}  // namespace

Images parse_idx(std::span<const std::byte> bytes, std::string_view name) {
  ByteReader reader(bytes, std::string(name));
  const auto [count, height, width] = read_sizes<3>(reader);
  return {.count = count,
          .height = height,
          .width = width,
          .channels = 1,
          .pixels = read_elements(reader, count * height * width)};
}

std::vector<uint8_t> parse_idx_labels(std::span<const std::byte> bytes, std::string_view name) {
  ByteReader reader(bytes, std::string(name));
  const auto [count] = read_sizes<1>(reader);
  return read_elements(reader, count);
}

Images load_idx(const std::filesystem::path& file) { return parse_idx(read_file(file), file.native()); }

std::vector<uint8_t> load_idx_labels(const std::filesystem::path& file) {
  return parse_idx_labels(read_file(file), file.native());
}

Images load_mnist_like(const std::filesystem::path& folder, Split split) {
  const std::string file = split == Split::Training ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
  if (const auto found = raw_or_gzipped(folder, file)) return load_idx(*found);
  // "datasets/mnist/" has no file name, "datasets/mnist" has.
  const auto named = folder.has_filename() ? folder : folder.parent_path();
  throw DataError("data: no " + file + "[.gz] in " + printable(named.native()) + "; " + fetch_command(named));
}

}  // namespace wasserkern::data
