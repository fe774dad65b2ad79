#include "models/mixture.h"

namespace wasserkern::models {
namespace {

constexpr DenseLayer kHidden{.features = 128, .activation = Activation::Relu};

}  // namespace

Mlp mixture_critic(Random& random) { return Mlp(random, 2, {kHidden, kHidden, {.features = 1}}); }

Mlp mixture_generator(Random& random) { return Mlp(random, kMixtureLatent, {kHidden, kHidden, {.features = 2}}); }

}  // namespace wasserkern::models
