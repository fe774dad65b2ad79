#include "losses/objectives/gradient_penalty.h"

#include <limits>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/stencil.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"

namespace wasserkern::losses {
namespace {

/// |row_i|_2 as the distance from 0, whose derivatives are twice there and have a stated value at 0.
Tensor row_norms(const Tensor& x) { return paired_cost(LqCost{2, 1}, Tensor::full(x.device(), x.shape(), 0), x); }

/// sqrt(g_i' L~(x_i) g_i), whose derivative would be infinite at 0.
Tensor wasserstein_norms(const Stencil& stencil, const Tensor& x, const Tensor& g) {
  constexpr float kLeast = 1e-12f;
  return square_root(clamp(stencil_form(stencil, x, g), kLeast, std::numeric_limits<float>::infinity()));
}

/// grad D(x_i), of the points' shape.
Tensor gradients(const Critic& critic, const Tensor& points, Differentiable differentiable) {
  Tensor at = points.detach();
  at.require_gradient();
  // Each potential depends on its own point only, so that the gradient of their sum has a row for each.
  const Tensor gradient = grad(critic(at), at, differentiable);
  return gradient.defined() ? gradient : Tensor::full(at.device(), at.shape(), 0);
}

}  // namespace

Tensor slopes(const Critic& critic, const Tensor& points) {
  const TapeOn needed;
  return row_norms(gradients(critic, points, Differentiable::No)).detach();
}

Tensor GradientPenalty::operator()(const Critic& critic, const Tensor& points) const {
  const Tensor gradient = gradients(critic, points, Differentiable::Yes);
  const Tensor norms = metric ? wasserstein_norms(*metric, points.detach(), gradient) : row_norms(gradient);
  const Tensor excess = norms - target;
  return mean(square(sides == Sides::One ? relu(excess) : excess));
}

}  // namespace wasserkern::losses
