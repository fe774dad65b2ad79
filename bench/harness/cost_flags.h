#pragma once

#include "bench/harness/flags.h"
#include "kernels/cost/lq.h"

namespace wasserkern::bench {

/// --q and --p. Throws UsageError unless both are at least 1.
LqCost lq_flags(Flags& flags, const LqCost& cost);

/// --cost, by its name, or by --q and --p.
LqCost cost_flags(Flags& flags);

}  // namespace wasserkern::bench
