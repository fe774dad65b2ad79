#pragma once

#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

/// Each element dropped with probability `rate`, the others divided by 1 - rate. The mask is never stored: the backward
/// draws it again. Throws UsageError unless 0 <= rate < 1.
WASSERKERN_API Tensor dropout(const Tensor& x, float rate, Random& random);

}  // namespace wasserkern
