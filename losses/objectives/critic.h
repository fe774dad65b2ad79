#pragma once

#include <functional>

#include "engine/tensor.h"

namespace wasserkern::losses {

/// A critic: batch [n, ...] to potentials [n, 1].
using Critic = std::function<Tensor(const Tensor&)>;

}  // namespace wasserkern::losses
