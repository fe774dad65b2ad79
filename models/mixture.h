#pragma once

#include <cstdint>
#include <vector>

#include "engine/random.h"
#include "kernels/export.h"
#include "models/network.h"

namespace wasserkern::models {

/// What the generator of points in the plane takes by default: z ~ N(0, I) of this many values.
inline constexpr int64_t kMixtureLatent = 2;

/// Networks with ReLU for mixtures of points in the plane. By default paper 000's: 2-128-128-1 and 2-128-128-2.
struct MixtureNetworks {
  int64_t latent = kMixtureLatent;           // of the generator
  std::vector<int64_t> hidden = {128, 128};  // units of each hidden layer
  Initialisation initialisation = Initialisation::Uniform;
};

WASSERKERN_API Network mixture_critic(Random& random, const MixtureNetworks& sizes = {});
WASSERKERN_API Network mixture_generator(Random& random, const MixtureNetworks& sizes = {});

}  // namespace wasserkern::models
