#pragma once

#include "engine/random.h"
#include "kernels/export.h"
#include "models/network.h"

namespace wasserkern::models {

/// What the generator of points in the plane takes: z ~ N(0, I) of this many values.
inline constexpr int64_t kMixtureLatent = 2;

/// Paper 000's networks for its Gaussian mixture in the plane: 2-128-128-1 and 2-128-128-2 with ReLU.
WASSERKERN_API Network mixture_critic(Random& random);
WASSERKERN_API Network mixture_generator(Random& random);

}  // namespace wasserkern::models
