#pragma once

#include "kernels/export.h"

/// SIMD sources are compiled once per instruction set, each time with WASSERKERN_ISA naming a namespace of its own;
/// WASSERKERN_ONCE is defined in the baseline's turn, for what must exist once. With WASSERKERN_NATIVE_ONLY there is
/// only that turn, for the machine that builds.
namespace wasserkern {

enum class Isa { Baseline, V3, V4 };

/// The best set of this CPU (x86-64-v4, v3 or baseline); WASSERKERN_ISA=baseline|v3|v4 in the environment lowers it.
WASSERKERN_API Isa isa();
WASSERKERN_API const char* isa_name();

}  // namespace wasserkern

/// Declares functions in every instruction set's namespace.
#if defined(__x86_64__) && !defined(WASSERKERN_NATIVE_ONLY)
#define WASSERKERN_PER_ISA(...)        \
  namespace wasserkern::isa_baseline { \
  __VA_ARGS__                          \
  }                                    \
  namespace wasserkern::isa_v3 {       \
  __VA_ARGS__                          \
  }                                    \
  namespace wasserkern::isa_v4 {       \
  __VA_ARGS__                          \
  }
/// The function of that name for this CPU.
#define WASSERKERN_SIMD(function)                                                   \
  (::wasserkern::isa() == ::wasserkern::Isa::V4   ? &::wasserkern::isa_v4::function \
   : ::wasserkern::isa() == ::wasserkern::Isa::V3 ? &::wasserkern::isa_v3::function \
                                                  : &::wasserkern::isa_baseline::function)
#else
#define WASSERKERN_PER_ISA(...)        \
  namespace wasserkern::isa_baseline { \
  __VA_ARGS__                          \
  }
#define WASSERKERN_SIMD(function) (&::wasserkern::isa_baseline::function)
#endif
