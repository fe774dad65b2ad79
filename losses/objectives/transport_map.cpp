#include "losses/objectives/transport_map.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"

namespace wasserkern::losses {

Tensor transport_map(const LqCost& cost, const Critic& potential, const Tensor& points) {
  cost.check();
  if (!(cost.q > 1 && cost.p > 1))
    throw UsageError("ground cost " + cost.name() +
                     ": a potential's gradient gives no transport map for q = 1 or p = 1; use both above 1");
  const TapeOn on;
  Tensor at = points.detach();
  at.require_gradient();
  // Each potential depends on its own point only, so that the gradient of their sum has a row for each.
  Tensor gradient = grad(potential(at), at);
  if (!gradient.defined()) return points.detach();
  gradient = gradient.detach();
  gradient.require_gradient();
  // The way from T(x) to x is the gradient of the cost's convex conjugate |g|_{q'}^{p'} / p', a ground cost itself.
  const LqCost conjugate{cost.q / (cost.q - 1), cost.p / (cost.p - 1)};
  const Tensor zero = Tensor::full(points.device(), points.shape(), 0);
  return points.detach() - grad(paired_cost(conjugate, zero, gradient), gradient);
}

}  // namespace wasserkern::losses
