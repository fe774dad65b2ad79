#include "engine/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "kernels/error.h"

namespace wasserkern {
namespace {

constexpr size_t kLongestText = 4096;

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

[[noreturn]] void fail_to_read(const std::string& name, int error) {
  throw DataError(name + ": cannot be read: " + std::generic_category().message(error));
}

/// A regular file that is open; `name` is its path in messages.
struct OpenFile {
  Descriptor descriptor;
  size_t size;

  OpenFile(const std::filesystem::path& path, const std::string& name)
      // Not blocking: the open of a pipe without a writer would never return.
      : descriptor{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)} {
    if (descriptor.value < 0) fail_to_read(name, errno);
    struct stat status = {};
    if (::fstat(descriptor.value, &status) != 0) fail_to_read(name, errno);
    if (S_ISDIR(status.st_mode)) throw DataError(name + ": is a folder; name a file in it");
    if (!S_ISREG(status.st_mode)) throw DataError(name + ": is not a regular file; copy it into one first");
    size = static_cast<size_t>(status.st_size);
  }
};

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const std::string name = printable(path.native());
  const OpenFile file(path, name);
  std::vector<std::byte> bytes(file.size);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::read(file.descriptor.value, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_to_read(name, errno);
    if (count == 0) throw DataError(name + ": became shorter while it was read; try again once it is complete");
    done += static_cast<size_t>(count);
  }
  return bytes;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const std::string name = printable(path.native());
  const OpenFile file(path, name);
  if (file.size == 0) return;  // No mapping is empty.
  const void* bytes = ::mmap(nullptr, file.size, PROT_READ, MAP_SHARED, file.descriptor.value, 0);
  if (bytes == MAP_FAILED) fail_to_read(name, errno);
  bytes_ = {static_cast<const std::byte*>(bytes), file.size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::read_ahead() const {
  constexpr size_t kPiece = 1 << 17;  // Linux cuts longer requests off at the device's read-ahead, usually this.
  for (size_t place = 0; place < bytes_.size(); place += kPiece) {
    // It is a wish: where it fails nothing is lost.
    ::madvise(const_cast<std::byte*>(bytes_.data()) + place, std::min(kPiece, bytes_.size() - place), MADV_WILLNEED);
  }
}

std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (const char letter : text.substr(0, kLongestText)) {
    const auto code = static_cast<unsigned char>(letter);
    if (code < 0x20 || code == 0x7f) {
      result += {'\\', 'x', digits[code >> 4], digits[code & 15]};
    } else {
      result += letter;
    }
  }
  if (text.size() > kLongestText) result += "...";
  return result;
}

}  // namespace wasserkern
