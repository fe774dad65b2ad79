#include "bench/wgan_fail/pair_critic.h"

#include <algorithm>
#include <vector>

#include "models/dcgan.h"
#include "models/network.h"
#include "models/resnet.h"

namespace wasserkern::bench {
namespace {

models::Network multilayer_perceptron(Random& random, int64_t side, int64_t width) {
  const models::Layer hidden{.map = models::Dense{{width}}, .activation = Activation::Relu};
  return {random, {side, side, 3}, {hidden, hidden, hidden, {.map = models::Dense{{1}}}}};
}

}  // namespace

models::Model PairCritic::make(Random& random, int64_t side) const {
  if (architecture == "mlp") return multilayer_perceptron(random, side, width);
  if (architecture == "resnet") return models::ResidualCritic(random, {.side = side, .width = width});
  if (side == 64) return models::dcgan64_critic(random, {.width = width});
  return models::dcgan32_critic(random, {.width = width});
}

PairCritic pair_critic_flags(Flags& flags, const std::string& architecture) {
  std::vector<std::string> choices = {"dcgan", "mlp", "resnet"};
  std::ranges::stable_partition(choices, [&](const std::string& one) { return one == architecture; });
  PairCritic critic;
  critic.architecture = flags.choice({"architecture", "", "of the critic; mlp has three hidden layers"}, choices);
  critic.width = flags.integer({"width", "COUNT", "channels of the first convolution (64), or an mlp's units (512)"},
                               critic.architecture == "mlp" ? 512 : 64, 1);
  return critic;
}

}  // namespace wasserkern::bench
