#include "data/packed_images.h"

#include "engine/file.h"
#include "engine/npy.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

std::string text_of(const NpyBytes& array) {
  return {reinterpret_cast<const char*>(array.values.data()), array.values.size()};
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

PackedImages load_packed_images(const std::filesystem::path& file) {
  auto mapped = std::make_shared<const MappedFile>(file);
  const std::span<const std::byte> bytes = mapped->bytes();
  PackedImages packed = parse_packed_images(bytes, mapped, file.native());
  mapped->read_ahead();
  return packed;
}

PackedImages parse_packed_images(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                 std::string_view name) {
  const NpyBytes images = take_npy_bytes(bytes, name);
  const NpyBytes source = take_npy_bytes(bytes, name);
  const NpyBytes left_out = take_npy_bytes(bytes, name);
  const Shape& shape = images.shape;
  if (shape.rank() != 4 || shape.size() == 0 || source.shape.rank() != 1 || left_out.shape.rank() != 1 ||
      !bytes.empty()) {
    throw DataError(printable(name) + ": is no file of packed images");
  }
  const std::span pixels(reinterpret_cast<const uint8_t*>(images.values.data()), images.values.size());
  return {.images = {.count = shape[0],
                     .height = shape[1],
                     .width = shape[2],
                     .channels = shape[3],
                     .pixels = Pixels(std::move(owner), pixels)},
          .source = text_of(source),
          .left_out = text_of(left_out)};
}

PackedImagesWriter::PackedImagesWriter(const std::filesystem::path& file, int64_t height, int64_t width,
                                       int64_t channels)
    : file_(file), image_{height, width, channels} {
  file_.write(bytes_of(npy_bytes_header(image_.batch_of(0))));
}

void PackedImagesWriter::append(std::span<const uint8_t> pixels) {
  file_.write(std::as_bytes(pixels));
  values_ += static_cast<int64_t>(pixels.size());
}

void PackedImagesWriter::write_array(std::string_view text) {
  file_.write(bytes_of(npy_bytes_header({static_cast<int64_t>(text.size())})));
  file_.write(bytes_of(text));
}

void PackedImagesWriter::commit(std::string_view source, std::string_view left_out) {
  write_array(source);
  write_array(left_out);
  file_.overwrite_front(bytes_of(npy_bytes_header(image_.batch_of(values_ / image_.size()))));
  file_.commit();
}

}  // namespace wasserkern::data
