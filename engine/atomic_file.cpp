#include "engine/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

bool is_same_file(int descriptor, const std::filesystem::path& path) {
  struct stat opened = {};
  struct stat named = {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

/// Makes a rename within the folder survive a power failure; returns 0 or the error.
int sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // Some file systems cannot sync a folder; there is nothing to be done about it.
  return error == EINVAL ? 0 : error;
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)), partial_(path_) {
  partial_ += ".partial";
  open_partial();
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::open_partial() {
  for (;;) {
    descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("create", errno);
    // The lock dies with its process, so a partial file without one is a leftover. A file system without locks lets
    // everybody through.
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(std::exchange(descriptor_, -1));  // The file is the other writer's: it stays.
      throw DataError(printable(path_.native()) +
                      ": is being written by another process; wait for it or choose another");
    }
    // The former owner may have committed between our open and our lock: then this is no longer the partial file.
    if (is_same_file(descriptor_, partial_)) break;
    ::close(std::exchange(descriptor_, -1));
  }
  if (::ftruncate(descriptor_, 0) != 0) fail("empty", errno);
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", errno);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void AtomicFile::overwrite_front(std::span<const std::byte> bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", errno);
    done += static_cast<size_t>(count);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("sync", errno);
  // The descriptor, and with it the lock, is kept until the partial file is gone.
  if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("rename", errno);
  ::close(std::exchange(descriptor_, -1));
  if (const int error = sync_folder(path_.parent_path())) {
    throw DataError(printable(path_.native()) + ": is complete, but its folder cannot be synced: " +
                    std::generic_category().message(error) + "; a power failure may still undo it");
  }
}

void AtomicFile::discard() noexcept {
  if (descriptor_ < 0) return;
  ::unlink(partial_.c_str());
  ::close(std::exchange(descriptor_, -1));
}

void AtomicFile::fail(const std::string& action, int error) {
  discard();
  throw DataError(printable(path_.native()) + ": cannot " + action + " its new version: " +
                  std::generic_category().message(error) + "; what was there before is unchanged");
}

}  // namespace wasserkern
