#pragma once

#include <filesystem>
#include <string>

namespace wasserkern::bench {

/// What a run says: lines to standard output and, once there is one, to the run's log.txt; a progress bar to a terminal
/// only.
class Log {
 public:
  Log();
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Appends what was said so far, and what follows, to `path`. Locks it: throws DataError when another process writes
  /// there, or it cannot be written.
  void open(const std::filesystem::path& path);

  void line(const std::string& text);
  /// To the file only.
  void file_line(const std::string& text);
  /// To the file only, if it takes it: what ended the run is reported elsewhere.
  void note_failure(const std::string& text) noexcept;
  /// Replaces the bar; an empty text removes it. Nothing happens where standard output is no terminal.
  void bar(const std::string& text);
  bool on_terminal() const { return on_terminal_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  bool on_terminal_;
  bool bar_shown_ = false;
  std::string before_open_;
};

}  // namespace wasserkern::bench
