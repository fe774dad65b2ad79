#pragma once

#include <functional>

#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern::losses {

/// A critic: batch [n, ...] to potentials [n, 1].
using Critic = std::function<Tensor(const Tensor&)>;

/// What it says of real points and generated ones, which are constants.
struct Potentials {
  Tensor x, y;
};

/// By a pass over each.
WASSERKERN_API Potentials apart(const Critic& critic, const Tensor& x, const Tensor& y);
/// By one over both, so that weights that are made ready at every use are so once. Not the same of a critic that
/// normalises by its batch.
WASSERKERN_API Potentials together(const Critic& critic, const Tensor& x, const Tensor& y);

}  // namespace wasserkern::losses
