#include "bench/harness/append.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw DataError(printable(path.native()) + ": cannot be written: " + std::generic_category().message(error));
}

}  // namespace

int open_to_append(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path, errno);
  return descriptor;
}

void append(int descriptor, const std::filesystem::path& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, errno);
    text.remove_prefix(static_cast<size_t>(count));
  }
}

void sync(int descriptor, const std::filesystem::path& path) {
  // Some file systems cannot sync; there is nothing to be done about it.
  if (::fsync(descriptor) != 0 && errno != EINVAL) fail(path, errno);
}

}  // namespace wasserkern::bench
