#include "models/mixture.h"

namespace wasserkern::models {
namespace {

Network dense(Random& random, int64_t inputs, const MixtureNetworks& sizes, int64_t outputs) {
  std::vector<Layer> layers;
  for (const int64_t units : sizes.hidden) layers.push_back({.map = Dense{{units}}, .activation = Activation::Relu});
  layers.push_back({.map = Dense{{outputs}}});
  return Network(random, {inputs}, std::move(layers), sizes.initialisation);
}

}  // namespace

Network mixture_critic(Random& random, const MixtureNetworks& sizes) { return dense(random, 2, sizes, 1); }

Network mixture_generator(Random& random, const MixtureNetworks& sizes) {
  return dense(random, sizes.latent, sizes, 2);
}

}  // namespace wasserkern::models
