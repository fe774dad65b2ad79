#include "data/byte_reader.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

// Deflate codes at most 258 bytes in two bits.
constexpr uint64_t kLargestDeflateRatio = 1032;
// zlib counts in 32 bits.
constexpr size_t kLargestStep = size_t{1} << 30;

bool starts_with_gzip_magic(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

}  // namespace

struct ByteReader::Inflater {
  z_stream stream = {};
  bool member_ended = false;

  Inflater() {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream, gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

ByteReader::ByteReader(std::span<const std::byte> bytes, std::string_view name)
    : bytes_(bytes), name_(printable(name)), capacity_(bytes.size()) {
  if (starts_with_gzip_magic(bytes)) {
    inflater_ = std::make_unique<Inflater>();
    capacity_ *= kLargestDeflateRatio;
  }
}

ByteReader::~ByteReader() = default;

uint64_t ByteReader::capacity() const { return capacity_; }

void ByteReader::read(std::span<uint8_t> out) {
  if (read_some(out) < out.size()) {
    throw DataError(name_ + ": ends too early; it is truncated, fetch or copy it again");
  }
}

void ByteReader::finish() {
  // Asking for one byte more also makes zlib check the last member's checksum.
  uint8_t surplus;
  if (read_some({&surplus, 1}) > 0) {
    throw DataError(name_ + ": goes on after the end that its header promises; fetch or copy it again");
  }
}

size_t ByteReader::read_some(std::span<uint8_t> out) {
  if (inflater_) return inflate_some(out);
  const size_t count = std::min(out.size(), bytes_.size());
  if (count > 0) std::memcpy(out.data(), bytes_.data(), count);
  bytes_ = bytes_.subspan(count);
  return count;
}

size_t ByteReader::inflate_some(std::span<uint8_t> out) {
  z_stream& stream = inflater_->stream;
  size_t done = 0;
  while (done < out.size()) {
    if (inflater_->member_ended) {
      if (bytes_.empty()) break;
      if (!starts_with_gzip_magic(bytes_)) {
        throw DataError(name_ + ": has bytes after its gzip data; fetch or copy it again");
      }
      inflateReset(&stream);
      inflater_->member_ended = false;
    }
    const size_t input = std::min(bytes_.size(), kLargestStep);
    const size_t output = std::min(out.size() - done, kLargestStep);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes_.data()));
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = out.data() + done;
    stream.avail_out = static_cast<uInt>(output);
    const int status = inflate(&stream, Z_NO_FLUSH);
    bytes_ = bytes_.subspan(input - stream.avail_in);
    done += output - stream.avail_out;

    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_BUF_ERROR) throw DataError(name_ + ": its gzip data is truncated; fetch or copy it again");
    if (status != Z_OK && status != Z_STREAM_END) {
      throw DataError(name_ + ": its gzip data is damaged (" + (stream.msg ? stream.msg : "no valid stream") +
                      "); fetch or copy it again");
    }
    inflater_->member_ended = status == Z_STREAM_END;
  }
  return done;
}

std::optional<std::filesystem::path> raw_or_gzipped(const std::filesystem::path& folder, const std::string& name) {
  for (const std::string& file : {name, name + ".gz"}) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / file, ignored)) return folder / file;
  }
  return {};
}

}  // namespace wasserkern::data
