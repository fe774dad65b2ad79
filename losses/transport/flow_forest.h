#pragma once

#include "losses/transport/transport_plan.h"

namespace wasserkern::losses {

/// Moves mass around cycles of shares until there are none: at most m + n - 1 shares are left, of as many pairs. All
/// shares must be tight; then so is every other, and the cost stays.
void remove_cycles(TransportPlan& plan);

}  // namespace wasserkern::losses
