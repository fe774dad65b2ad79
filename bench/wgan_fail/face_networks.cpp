#include "bench/wgan_fail/face_networks.h"

#include "bench/wwgan/networks.h"
#include "kernels/error.h"
#include "models/style.h"

namespace wasserkern::bench {
namespace {

WwganNetworks dcgan(const FaceNetworks& sizes) {
  return {.dataset = sizes.dataset, .width = sizes.width, .hidden_layers = 4, .latent = sizes.latent};
}

models::Style64 style(const FaceNetworks& sizes) { return {.latent = sizes.latent, .width = sizes.width}; }

}  // namespace

models::Model FaceNetworks::critic(Random& random) const {
  if (kind == "style") return models::style_critic(random, style(*this));
  return dcgan(*this).critic(random);
}

models::Model FaceNetworks::generator(Random& random) const {
  if (kind == "style") return models::StyleGenerator(random, style(*this));
  return dcgan(*this).generator(random);
}

FaceNetworks face_network_flags(Flags& flags, const std::string& dataset) {
  FaceNetworks networks;
  networks.dataset = dataset;
  networks.kind = flags.choice({"networks", "", "the architecture of critic and generator; style is of celeba"},
                               {"dcgan", "style"});
  if (networks.kind == "style" && dataset != "celeba") throw UsageError("--networks style is of --dataset celeba");
  networks.width =
      flags.integer({"width", "CHANNELS", "of the critic's first layer"}, networks.kind == "style" ? 16 : 64, 1);
  networks.latent = flags.integer({"latent", "COUNT", "values of the generator's noise"}, 128, 1);
  return networks;
}

}  // namespace wasserkern::bench
