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

int run_experiment(const About& about, int argc, char** argv, const std::function<void(Experiment&)>& body) {
  spin_briefly(argv);
  const std::string called = argc > 0 ? argv[0] : about.name;
  const std::string program = std::filesystem::path(called).filename();
  try {
    Experiment run(about, called, {argv + std::min(argc, 1), argv + argc});
    body(run);
    return 0;
  } catch (const HelpWanted& help) {
    std::fputs(help.text.c_str(), stdout);
    return 0;
  } catch (const Interrupted& interrupted) {
    return interrupted.status();
  } catch (const UsageError& error) {
    return fail(program, error.what(), 2);
  } catch (const std::bad_alloc&) {
    return fail(program, "out of memory; try a smaller --batch", 1);
  } catch (const std::exception& error) {
    return fail(program, error.what(), 1);
  }
}

}  // namespace wasserkern::bench
