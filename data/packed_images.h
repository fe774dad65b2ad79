#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "data/images.h"
#include "engine/atomic_file.h"
#include "engine/shape.h"
#include "kernels/export.h"

namespace wasserkern::data {

/// Images in one file that is read without decoding anything: three arrays of unsigned bytes in NumPy's format, one
/// after another. The first, which numpy.load gives, is the images, `[count, height, width, channels]`; the others are
/// texts, UTF-8 as far as the names of files are.
struct PackedImages {
  Images images;
  std::string source;    // what they were made from, and how: the images are valid for this only
  std::string left_out;  // what could not be read of it
};

/// Maps the file, which must only be replaced while it is used, not changed or cut short (MappedFile). Throws DataError
/// when it is missing, damaged, or not of this format. Sizes are checked against the file's; a changed byte within the
/// images is not noticed.
WASSERKERN_API PackedImages load_packed_images(const std::filesystem::path& file);
/// The same from memory that is there as long as `owner`; `name` stands for the file in messages.
WASSERKERN_API PackedImages parse_packed_images(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                                std::string_view name);

/// Writes such a file piece by piece, atomically. Everything throws DataError when the file cannot be written.
class WASSERKERN_API PackedImagesWriter {
 public:
  PackedImagesWriter(const std::filesystem::path& file, int64_t height, int64_t width, int64_t channels);

  /// Whole images.
  void append(std::span<const uint8_t> pixels);
  /// The last call.
  void commit(std::string_view source, std::string_view left_out);

 private:
  void write_array(std::string_view text);

  AtomicFile file_;
  Shape image_;
  int64_t values_ = 0;
};

}  // namespace wasserkern::data
