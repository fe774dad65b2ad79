#include "bench/harness/program.h"

#include <algorithm>
#include <cstdio>
#include <new>

#include "bench/harness/brief_spin.h"
#include "bench/harness/experiment.h"
#include "bench/harness/interrupts.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

int fail(const std::string& program, std::string message, int status) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::fprintf(stderr, "%s: %s\n", program.c_str(), message.c_str());
  return status;
}

}  // namespace

int run_program(int argc, char** argv, const std::string& remedy, const std::function<int(const std::string&)>& body) {
  spin_briefly(argv);
  const std::string called = argc > 0 ? argv[0] : "wasserkern";
  const std::string program = std::filesystem::path(called).filename();
  try {
    return body(called);
  } catch (const HelpWanted& help) {
    std::fputs(help.text.c_str(), stdout);
    return 0;
  } catch (const UsageError& error) {
    return fail(program, error.what(), 2);
  } catch (const std::bad_alloc&) {
    return fail(program, "out of memory; " + remedy, 1);
  } catch (const std::exception& error) {
    return fail(program, error.what(), 1);
  }
}

int run_experiment(const About& about, int argc, char** argv, const std::function<void(Experiment&)>& body) {
  return run_program(argc, argv, "try a smaller --batch", [&](const std::string& called) {
    try {
      Experiment run(about, called, {argv + std::min(argc, 1), argv + argc});
      body(run);
      return 0;
    } catch (const Interrupted& interrupted) {
      return interrupted.status();
    }
  });
}

}  // namespace wasserkern::bench
