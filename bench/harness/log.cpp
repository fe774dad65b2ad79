#include "bench/harness/log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "bench/harness/append.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::bench {

Log::Log() : on_terminal_(::isatty(STDOUT_FILENO) == 1) {}

Log::~Log() {
  if (bar_shown_) std::fputs("\n", stdout);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Log::open(const std::filesystem::path& path) {
  path_ = path;
  descriptor_ = open_to_append(path);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    throw DataError(printable(path.parent_path().native()) + ": another process runs there; wait for it or stop it");
  }
  append(descriptor_, path_, std::exchange(before_open_, {}));
}

void Log::line(const std::string& text) {
  bar("");
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
  file_line(text);
}

void Log::file_line(const std::string& text) {
  if (descriptor_ < 0) {
    before_open_ += text + "\n";
  } else {
    append(descriptor_, path_, text + "\n");
  }
}

void Log::note_failure(const std::string& text) noexcept {
  try {
    file_line("stopped: " + text);
  } catch (const std::exception&) {
  }
}

void Log::bar(const std::string& text) {
  if (!on_terminal_ || (text.empty() && !bar_shown_)) return;
  std::printf("\r\x1b[K%s", text.c_str());
  std::fflush(stdout);
  bar_shown_ = !text.empty();
}

}  // namespace wasserkern::bench
