#include "data/cifar10.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "data/byte_reader.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

constexpr size_t kSide = 32;
constexpr size_t kPlane = kSide * kSide;
constexpr size_t kChannels = 3;
constexpr size_t kMostImages = 10'000;  // of a file
constexpr uint8_t kClasses = 10;

/// A label, then a plane of pixels per channel.
using Record = std::array<uint8_t, 1 + kChannels * kPlane>;

/// The images of the files so far.
struct Content {
  std::vector<uint8_t> pixels;
  std::vector<uint8_t> labels;
};

void append(const Record& record, Content& content) {
  const size_t begin = content.pixels.size();
  content.pixels.resize(begin + kChannels * kPlane);
  uint8_t* to = content.pixels.data() + begin;
  for (size_t pixel = 0; pixel < kPlane; ++pixel) {
    for (size_t channel = 0; channel < kChannels; ++channel) *to++ = record[1 + channel * kPlane + pixel];
  }
  content.labels.push_back(record[0]);
}

/// The images of one file behind those that are there.
void append_file(std::span<const std::byte> bytes, std::string_view file, Content& content) {
  ByteReader reader(bytes, file);
  Record record;
  size_t count = 0;
  for (; const size_t size = reader.read_some(record); ++count) {
    if (size < record.size()) {
      throw DataError(reader.name() + ": ends within image " + std::to_string(count + 1) +
                      ", 3073 bytes each in CIFAR-10's binary version; it is truncated or another format, fetch or " +
                      "copy it again");
    }
    if (count == kMostImages) {
      throw DataError(reader.name() + ": has more than 10,000 images; a file of CIFAR-10's binary version does not, " +
                      "fetch or copy it again");
    }
    if (record[0] >= kClasses) {
      throw DataError(reader.name() + ": image " + std::to_string(count + 1) + " has label " +
                      std::to_string(record[0]) + ", but CIFAR-10 has 0 to 9; it is damaged or another format, fetch " +
                      "or copy it again");
    }
    append(record, content);
  }
  if (count == 0) throw DataError(reader.name() + ": has no images; it is empty, fetch or copy it again");
}

Images images_of(Content content) {
  return {.count = static_cast<int64_t>(content.labels.size()),
          .height = kSide,
          .width = kSide,
          .channels = kChannels,
          .pixels = std::move(content.pixels),
          .labels = std::move(content.labels)};
}

}  // namespace

Images parse_cifar10(std::span<const std::byte> bytes, std::string_view name) {
  Content content;
  append_file(bytes, name, content);
  return images_of(std::move(content));
}

Images load_cifar10(const std::filesystem::path& folder, Split split) {
  using Names = std::vector<std::string>;
  const Names names = split == Split::Test ? Names{"test_batch.bin"}
                                           : Names{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                   "data_batch_4.bin", "data_batch_5.bin"};
  std::vector<std::filesystem::path> files;
  for (const std::string& name : names) {
    if (const auto file = raw_or_gzipped(folder, name)) files.push_back(*file);
  }
  if (files.empty()) {
    throw DataError("data: no " + (split == Split::Test ? names[0] : "data_batch_1.bin to data_batch_5.bin") +
                    ", raw or .gz, in " + printable(folder.native()) + "; run tools/fetch-data cifar-10");
  }
  Content content;
  content.pixels.reserve(files.size() * kMostImages * kChannels *
                         kPlane);  // Else they lie there twice while they grow.
  for (const std::filesystem::path& file : files) append_file(read_file(file), file.native(), content);
  return images_of(std::move(content));
}

}  // namespace wasserkern::data
