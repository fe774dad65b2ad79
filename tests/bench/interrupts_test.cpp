#include "bench/harness/interrupts.h"

#include <catch2/catch.hpp>
#include <csignal>

using wasserkern::bench::Interrupted;
using wasserkern::bench::Interrupts;

namespace {

/// Whether a signal would end the program.
bool is_deadly(int signal) {
  struct sigaction action = {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_DFL;
}

}  // namespace

TEST_CASE("a signal is noted once, and ends the program the second time", "[interrupts]") {
  // A runner of the tests may ignore signals, or have plans with them.
  const int signal = SIGTERM;
  const auto before = std::signal(signal, SIG_DFL);
  {
    const Interrupts interrupts;
    CHECK(interrupts.signal() == 0);
    CHECK_FALSE(is_deadly(signal));
    std::raise(signal);
    CHECK(interrupts.signal() == signal);
    CHECK(is_deadly(signal));
  }
  {
    const Interrupts again;
    CHECK(again.signal() == 0);
    { const Interrupts within; }
    CHECK_FALSE(is_deadly(signal));
    std::raise(signal);
    const Interrupts later;
    CHECK(later.signal() == signal);
    CHECK(again.signal() == signal);
  }
  CHECK(is_deadly(signal));
  std::signal(signal, before);
}

TEST_CASE("what was ignored stays ignored", "[interrupts]") {
  const auto before = std::signal(SIGHUP, SIG_IGN);
  {
    const Interrupts interrupts;
    std::raise(SIGHUP);
    CHECK(interrupts.signal() == 0);
  }
  std::signal(SIGHUP, before);
}

TEST_CASE("the status of an interrupted run is that of shells", "[interrupts]") {
  CHECK(Interrupted{SIGINT}.status() == 130);
  CHECK(Interrupted{SIGTERM}.status() == 143);
}
