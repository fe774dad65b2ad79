#pragma once

namespace wasserkern::bench {

/// While one lives, SIGINT, SIGTERM and SIGHUP are noted instead of ending the program; the same signal a second time
/// ends it at once. A file that grows past a limit becomes an error of the write, as on a full disk. Several may live,
/// one within the other.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// The signal that came, or 0.
  int signal() const;
};

/// Not an error: a signal ended the run, which saved itself first.
struct Interrupted {
  int signal;
  int status() const { return 128 + signal; }
};

}  // namespace wasserkern::bench
