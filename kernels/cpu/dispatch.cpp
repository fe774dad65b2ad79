#include "kernels/cpu/dispatch.h"

#include <cstdlib>
#include <string_view>

namespace wasserkern {
namespace {

Isa best_of_this_cpu() {
#if defined(__x86_64__) && !defined(WASSERKERN_NATIVE_ONLY)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return v4 ? Isa::V4 : v3 ? Isa::V3 : Isa::Baseline;
#else
  return Isa::Baseline;
#endif
}

Isa choose() {
  const Isa best = best_of_this_cpu();
  const char* wish = std::getenv("WASSERKERN_ISA");
  const std::string_view name = wish ? wish : "";
  if (name == "baseline") return Isa::Baseline;
  if (name == "v3" && best == Isa::V4) return Isa::V3;
  return best;
}

}  // namespace

Isa isa() {
  static const Isa chosen = choose();
  return chosen;
}

const char* isa_name() {
#if defined(WASSERKERN_NATIVE_ONLY)
  return "native";
#else
  switch (isa()) {
    case Isa::V4: return "x86-64-v4";
    case Isa::V3: return "x86-64-v3";
    default: return "baseline";
  }
#endif
}

}  // namespace wasserkern
