#include "bench/kernels/limits.h"
#include "bench/kernels/registration.h"

// The limits alone, as rates; the kernels' benchmarks sample them again beside every kernel.

namespace wasserkern::bench {
namespace {

/// Adds the limit that `make()` returns.
template <class Make>
void add(const std::string& name, const char* unit, Make make) {
  add_benchmark("limit/" + name, [=](benchmark::State& state) {
    Limit limit = make();
    for (auto _ : state) {
      const double before = limit.seconds();
      limit.sample();
      state.SetIterationTime(limit.seconds() - before);
    }
    state.counters[unit] = limit.rate();
  });
}

const Registration kRegistration([](Device& device) {
  add("multiply_add", "flop/s", [&device] { return multiply_add_limit(device); });
  add("triad", "B/s", [&device] { return triad_limit(device); });
  add("product", "flop/s", [&device] { return product_limit(device); });
  add("byte_terms", "terms/s", [&device] { return byte_term_limit(device); });
  add("exponentials", "exponentials/s", [&device] { return exponential_limit(device); });
  for (const Cost& cost : sample_costs())
    add("terms/" + cost_name(cost), "terms/s", [&device, cost] { return term_limit(device, cost); });
});

}  // namespace
}  // namespace wasserkern::bench
