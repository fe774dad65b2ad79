#include "bench/kernels/registration.h"

#include <exception>
#include <vector>

namespace wasserkern::bench {
namespace {

std::vector<void (*)(Device&)>& registrars() {
  static std::vector<void (*)(Device&)> all;
  return all;
}

bool failed = false;

}  // namespace

Registration::Registration(void (*registrar)(Device&)) { registrars().push_back(registrar); }

void Registration::make_all(Device& device) {
  for (const auto& registrar : registrars()) registrar(device);
}

void add_benchmark(const std::string& name, std::function<void(benchmark::State&)> run) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [run = std::move(run)](benchmark::State& state) {
                                 try {
                                   run(state);
                                 } catch (const std::exception& error) {
                                   failed = true;
                                   state.SkipWithError(error.what());
                                 }
                               })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

bool any_failed() { return failed; }

}  // namespace wasserkern::bench
