#pragma once

#include "engine/tensor.h"
#include "kernels/cost/lq.h"
#include "kernels/export.h"
#include "losses/objectives/critic.h"

namespace wasserkern::losses {

/// Where optimal transport takes points [n, ...] of the measure that carries the potential phi: the y with
/// grad_x c(x, y) = grad phi(x), which Gangbo and McCann (1996) show to be one point. With g = grad phi(x),
/// 1/q + 1/q' = 1 and 1/p + 1/p' = 1 it is
///   T(x)_k = x_k - |g|_{q'}^{p'-q'} |g_k|^{q'-2} g_k,
/// for q = 2 the x - |g|^{p'-2} g of paper 000, section 5.3, and x - g for p = 2. The points are constants and the
/// result is off the tape. |x - T(x)|_q is |g|_{q'}^{p'-1}. Throws UsageError unless q and p are above 1: else the
/// gradient does not say where to go, or how far.
WASSERKERN_API Tensor transport_map(const LqCost& cost, const Critic& potential, const Tensor& points);

}  // namespace wasserkern::losses
