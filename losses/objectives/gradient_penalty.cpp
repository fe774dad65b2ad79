#include "losses/objectives/gradient_penalty.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"

namespace wasserkern::losses {
namespace {

/// |row_i|_2 as the distance from 0, whose derivatives are twice there and have a stated value at 0.
Tensor row_norms(const Tensor& x) { return paired_cost(LqCost{2, 1}, Tensor::full(x.device(), x.shape(), 0), x); }

}  // namespace

Tensor GradientPenalty::operator()(const Critic& critic, const Tensor& points) const {
  Tensor at = points.detach();
  at.require_gradient();
  // Each potential depends on its own point only, so that the gradient of their sum has a row for each.
  Tensor gradient = grad(critic(at), at, Differentiable::Yes);
  if (!gradient.defined()) gradient = Tensor::full(at.device(), at.shape(), 0);
  const Tensor excess = row_norms(gradient) - target;
  return mean(square(sides == Sides::One ? relu(excess) : excess));
}

}  // namespace wasserkern::losses
