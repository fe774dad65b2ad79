#pragma once

#include <functional>
#include <utility>

#include "engine/ops/elementwise.h"
#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern::losses {

/// A critic: batch [n, ...] to potentials [n, 1].
using Critic = std::function<Tensor(const Tensor&)>;

/// `scale` times the critic.
inline Critic scaled(Critic critic, float scale) {
  if (scale == 1) return critic;
  return [critic = std::move(critic), scale](const Tensor& points) { return critic(points) * scale; };
}

/// What a critic says of real points and generated ones, which are constants.
struct CriticValues {
  Tensor x, y;
};

/// By a pass over each.
WASSERKERN_API CriticValues apart(const Critic& critic, const Tensor& x, const Tensor& y);
/// By one over both, so that weights that are made ready at every use are so once. Not the same of a critic that
/// normalises by its batch.
WASSERKERN_API CriticValues together(const Critic& critic, const Tensor& x, const Tensor& y);

}  // namespace wasserkern::losses
