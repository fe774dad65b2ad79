#include "bench/wgan_fail/face_networks.h"

#include "bench/wwgan/networks.h"

namespace wasserkern::bench {
namespace {

WwganNetworks dcgan(const FaceNetworks& sizes) {
  return {.dataset = sizes.dataset, .width = sizes.width, .hidden_layers = 4, .latent = sizes.latent};
}

}  // namespace

models::Model FaceNetworks::critic(Random& random) const { return dcgan(*this).critic(random); }

models::Model FaceNetworks::generator(Random& random) const { return dcgan(*this).generator(random); }

FaceNetworks face_network_flags(Flags& flags, const std::string& dataset) {
  FaceNetworks networks;
  networks.dataset = dataset;
  networks.kind = flags.choice({"networks", "", "the architecture of critic and generator"}, {"dcgan"});
  networks.width = flags.integer({"width", "CHANNELS", "of the critic's first layer"}, 64, 1);
  networks.latent = flags.integer({"latent", "COUNT", "values of the generator's noise"}, 128, 1);
  return networks;
}

}  // namespace wasserkern::bench
