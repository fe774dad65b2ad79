#include "data/image_folder.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "data/packed_images.h"
#include "data/picture_files.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;  // of what becomes of a picture: packed files of another one are made anew
constexpr int64_t kLargestSide = 4096;
constexpr int64_t kChannels = 3;
constexpr size_t kMostNamed = 10;  // of the pictures that are left out

/// What packed images are valid for.
std::string source_of(const std::vector<PictureFile>& pictures, int64_t side) {
  std::string text = "wasserkern image folder, version " + std::to_string(kVersion) + ", side " + std::to_string(side) +
                     "; size, seconds, nanoseconds and path of every picture, each ended by a zero byte\n";
  for (const PictureFile& picture : pictures) {
    for (const int64_t number : {picture.size, picture.seconds, picture.nanoseconds})
      text += std::to_string(number) + " ";
    text += picture.path;
    text += '\0';
  }
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(printable(line));
  return lines;
}

/// Why there is no packed file.
struct NotWritten {
  std::string why;
};

template <class Write>
auto written(Write&& write) {
  try {
    return write();
  } catch (const DataError& error) {
    throw NotWritten{error.what()};
  }
}

/// One folder of images while it is read.
class Folder {
 public:
  Folder(const fs::path& folder, int64_t side, const ImageFolderOptions& options)
      : folder_(folder),
        name_(printable(folder.native())),
        side_(side),
        options_(options),
        pictures_(find_pictures(folder)),
        source_(source_of(pictures_, side)),
        file_(packed_images_file(folder, side)) {}

  Images load() {
    std::optional<PackedImages> packed = valid_file();
    bool in_memory = false;
    if (!packed) {
      try {
        packed = pack();
      } catch (const NotWritten& failure) {
        say("warning: " + failure.why + "; the images of " + name_ + " are kept in memory only");
        packed = decode();
        in_memory = true;
      }
    }
    warn_of(packed->left_out);
    say(std::to_string(packed->images.count) + " images of " + std::to_string(side_) + " x " + std::to_string(side_) +
        " from " + (in_memory ? name_ : printable(file_.native())));
    return std::move(packed->images);
  }

 private:
  void say(const std::string& line) const {
    if (options_.say) options_.say(line);
  }

  std::optional<PackedImages> valid_file() const {
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(file_, ignored))) return {};
    try {
      PackedImages packed = load_packed_images(file_);
      const Images& images = packed.images;
      const auto left_out = std::ranges::count(packed.left_out, '\n');
      if (packed.source == source_ && images.height == side_ && images.width == side_ && images.channels == kChannels &&
          images.count + left_out == std::ssize(pictures_)) {
        return packed;
      }
      say(printable(file_.native()) + ": was not made of what is in " + name_ + " now; it is made anew");
    } catch (const DataError& error) {
      say(std::string(error.what()) + "; it is made anew");
    }
    return {};
  }

  PackedImages pack() const {
    PackedImagesWriter writer = written([&] { return PackedImagesWriter(file_, side_, side_, kChannels); });
    say("packing " + std::to_string(pictures_.size()) + " pictures into " + printable(file_.native()) +
        ", which later starts read");
    const std::string left_out =
        decode([&](std::span<const uint8_t> images) { written([&] { writer.append(images); }); });
    return written([&] {
      writer.commit(source_, left_out);
      return load_packed_images(file_);
    });
  }

  PackedImages decode() const {
    std::vector<uint8_t> pixels;
    pixels.reserve(pictures_.size() * static_cast<size_t>(side_ * side_ * kChannels));
    std::string left_out =
        decode([&](std::span<const uint8_t> images) { pixels.insert(pixels.end(), images.begin(), images.end()); });
    const int64_t count = std::ssize(pixels) / (side_ * side_ * kChannels);
    return {
        .images = {.count = count, .height = side_, .width = side_, .channels = kChannels, .pixels = std::move(pixels)},
        .source = source_,
        .left_out = std::move(left_out)};
  }

  /// All pictures; a folder of which most cannot be read is not the one that was meant.
  std::string decode(const KeepImages& keep) const {
    std::string left_out = decode_pictures(folder_, pictures_, side_, options_.threads, options_.progress, keep);
    const std::vector<std::string> lines = lines_of(left_out);
    if (2 * lines.size() > pictures_.size()) {
      throw DataError(name_ + ": " + std::to_string(lines.size()) + " of " + std::to_string(pictures_.size()) +
                      " pictures cannot be read, the first is " + lines.front() + "; copy them again");
    }
    return left_out;
  }

  void warn_of(const std::string& left_out) const {
    const std::vector<std::string> lines = lines_of(left_out);
    if (lines.empty()) return;
    say("warning: " + std::to_string(lines.size()) + " of " + std::to_string(pictures_.size()) + " pictures in " +
        name_ + " cannot be read and are left out; copy them again, or remove " + printable(file_.native()) +
        " to try them again");
    for (size_t i = 0; i < std::min(lines.size(), kMostNamed); ++i) say("  " + lines[i]);
    if (lines.size() > kMostNamed) say("  and " + std::to_string(lines.size() - kMostNamed) + " more");
  }

  const fs::path& folder_;
  std::string name_;
  int64_t side_;
  const ImageFolderOptions& options_;
  std::vector<PictureFile> pictures_;
  std::string source_;
  fs::path file_;
};

}  // namespace

Images load_image_folder(const fs::path& folder, int64_t side, const ImageFolderOptions& options) {
  if (side < 1 || side > kLargestSide) {
    throw UsageError("image folder: a side of " + std::to_string(side) + " pixels; use 1 to " +
                     std::to_string(kLargestSide));
  }
  return Folder(folder, side, options).load();
}

fs::path packed_images_file(const fs::path& folder, int64_t side) {
  fs::path file = fs::absolute(folder).lexically_normal();
  if (!file.has_filename()) file = file.parent_path();  // "datasets/celeba/" has none, "datasets/celeba" has.
  const std::string size = std::to_string(side);
  return file += "-" + size + "x" + size + ".cache.npy";
}

}  // namespace wasserkern::data
