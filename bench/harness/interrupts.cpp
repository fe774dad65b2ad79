#include "bench/harness/interrupts.h"

#include <csignal>

namespace wasserkern::bench {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
volatile std::sig_atomic_t noted_signal = 0;
int alive = 0;

void note(int signal) { noted_signal = signal; }

}  // namespace

Interrupts::Interrupts() {
  if (alive++ > 0) return;
  noted_signal = 0;
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  for (const int signal : kSignals) {
    struct sigaction before = {};
    // What is ignored stays ignored: nohup.
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &action, nullptr);
  }
  std::signal(SIGXFSZ, SIG_IGN);
}

Interrupts::~Interrupts() {
  if (--alive > 0) return;
  struct sigaction current = {};
  for (const int signal : kSignals) {
    if (::sigaction(signal, nullptr, &current) == 0 && current.sa_handler == note) std::signal(signal, SIG_DFL);
  }
  std::signal(SIGXFSZ, SIG_DFL);
}

int Interrupts::signal() const { return noted_signal; }

}  // namespace wasserkern::bench
