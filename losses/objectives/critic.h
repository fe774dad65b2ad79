#pragma once

#include <functional>
#include <utility>

#include "engine/ops/elementwise.h"
#include "engine/tensor.h"

namespace wasserkern::losses {

/// A critic: batch [n, ...] to potentials [n, 1].
using Critic = std::function<Tensor(const Tensor&)>;

/// `scale` times the critic.
inline Critic scaled(Critic critic, float scale) {
  if (scale == 1) return critic;
  return [critic = std::move(critic), scale](const Tensor& points) { return critic(points) * scale; };
}

}  // namespace wasserkern::losses
