#include "bench/harness/cost_flags.h"

#include "kernels/error.h"

namespace wasserkern::bench {

LqCost lq_flags(Flags& flags, const LqCost& cost) {
  const LqCost chosen{
      .q = static_cast<float>(flags.number({"q", "NUMBER", "the ground distance is |x - y|_q; at least 1"}, cost.q)),
      .p = static_cast<float>(
          flags.number({"p", "NUMBER", "the ground cost is its p-th power over p; at least 1"}, cost.p))};
  chosen.check();
  return chosen;
}

LqCost cost_flags(Flags& flags) {
  const std::string name =
      flags.choice({"cost", "", "the ground cost: by --q and --p, or |x - y|_1, |x - y|_2, |x - y|_2^2 / 2"},
                   {"lq", "l1", "l2", "squared-l2"});
  const LqCost by_numbers = lq_flags(flags, {.q = 2, .p = 2});
  if (name == "lq") return by_numbers;
  for (const char* number : {"q", "p"})
    if (flags.given(number))
      throw UsageError(std::string("--") + number + " is of --cost lq, not of " + name + "; leave out one of them");
  if (name == "l1") return {.q = 1, .p = 1};
  if (name == "l2") return {.q = 2, .p = 1};
  return {.q = 2, .p = 2};
}

}  // namespace wasserkern::bench
