#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "bench/harness/experiment.h"
#include "bench/harness/interrupts.h"
#include "tests/data/picture_bytes.h"

using namespace wasserkern;
using namespace wasserkern::testing;
namespace fs = std::filesystem;

namespace {

struct Run : bench::Experiment {
  explicit Run(const TemporaryFolder& folder)
      : Experiment({.name = "test", .summary = "a test", .iterations = 1, .batch = 1}, "test",
                   {"--data", folder.path(), "--device", "cpu", "--threads", "2", "--out", folder / "run"}) {}
};

}  // namespace

TEST_CASE("an experiment finds its pictures, or says how to get them", "[experiment]") {
  const TemporaryFolder folder;
  CHECK(is_one_line_with(data_error([&] { Run(folder).images("celeba", 8); }), "run tools/fetch-data celeba"));
  fs::create_directory(folder / "celeba");
  CHECK(is_one_line_with(data_error([&] { Run(folder).images("celeba", 8); }), "tools/fetch-data celeba"));
  write_bytes(folder / "celeba/1.png", plain_png(9, 8, 1, 2, 3));
  CHECK(Run(folder).images("celeba", 8).pixels[2] == 3);
  CHECK(folder.names() == std::vector<std::string>{"celeba", "celeba-8x8.cache.npy"});
}

TEST_CASE("a signal ends the first pass over pictures, and leaves nothing", "[experiment]") {
  // A runner of the tests may ignore signals.
  const auto before = std::signal(SIGTERM, SIG_DFL);
  const TemporaryFolder folder;
  fs::create_directory(folder / "celeba");
  write_bytes(folder / "picture", plain_png(1500, 1500, 1, 2, 3));
  for (int i = 0; i < 2'000; ++i)
    fs::create_hard_link(folder / "picture", folder.path() / "celeba" / (std::to_string(i) + ".png"));

  std::thread user([&] {
    while (!fs::exists(folder / "celeba-8x8.cache.npy.partial"))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ::kill(::getpid(), SIGTERM);
  });
  int signal = 0;
  try {
    Run(folder).images("celeba", 8);
  } catch (const bench::Interrupted& interrupted) {
    signal = interrupted.signal;
  }
  user.join();
  CHECK(signal == SIGTERM);
  CHECK(folder.names() == std::vector<std::string>{"celeba", "picture"});
  std::signal(SIGTERM, before);
}
