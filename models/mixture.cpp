#include "models/mixture.h"

namespace wasserkern::models {
namespace {

/// 2-128-128-outputs with ReLU.
Network plane_network(Random& random, int64_t outputs) {
  static_assert(kMixtureLatent == 2);
  const Layer hidden{.map = Dense{{128}}, .activation = Activation::Relu};
  return Network(random, {2}, {hidden, hidden, {.map = Dense{{outputs}}}});
}

}  // namespace

Network mixture_critic(Random& random) { return plane_network(random, 1); }

Network mixture_generator(Random& random) { return plane_network(random, 2); }

}  // namespace wasserkern::models
