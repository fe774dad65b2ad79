#include "bench/wwgan/networks.h"

#include "kernels/error.h"
#include "models/dcgan.h"

namespace wasserkern::bench {
namespace {

/// The authors' networks for CIFAR-10 normalise the generator's dense layer, and have PyTorch's default slope.
models::Dcgan32 dcgan32(const WwganNetworks& sizes) {
  return {.latent = sizes.latent, .width = sizes.width, .slope = 0.01f, .dense_normalised = true};
}

models::Dcgan64 dcgan64(const WwganNetworks& sizes) {
  return {.latent = sizes.latent, .width = sizes.width, .hidden_layers = sizes.hidden_layers};
}

}  // namespace

void WwganNetworks::check() const {
  if ((dataset != "cifar-10" && dataset != "celeba") || width < 1 || latent < 1)
    throw UsageError("wwgan: no networks for the data set " + dataset + " with width " + std::to_string(width) +
                     " and " + std::to_string(latent) + " latent values");
}

ImageShape WwganNetworks::image() const {
  const int64_t side = dataset == "celeba" ? 64 : 32;
  return {side, side, 3};
}

models::Network WwganNetworks::critic(Random& random) const {
  return dataset == "celeba" ? models::dcgan64_critic(random, dcgan64(*this))
                             : models::dcgan32_critic(random, dcgan32(*this));
}

models::Network WwganNetworks::generator(Random& random) const {
  return dataset == "celeba" ? models::dcgan64_generator(random, dcgan64(*this))
                             : models::dcgan32_generator(random, dcgan32(*this));
}

WwganNetworks network_flags(Flags& flags) {
  WwganNetworks sizes;
  sizes.dataset =
      flags.choice({"dataset", "", "the images to learn; faces are packed into one file beside their folder first"},
                   {"cifar-10", "celeba"});
  const bool faces = sizes.dataset == "celeba";
  sizes.width = flags.integer({"width", "CHANNELS", "of the critic's first layer"}, faces ? 64 : 128, 1);
  sizes.hidden_layers = flags.integer(
      {"hidden-layers", "COUNT", "celeba: of either network; the authors' code has 4, their paper 3"}, 4, 1, 5);
  sizes.latent = flags.integer({"latent", "COUNT", "values of the generator's noise"}, 128, 1);
  if (!faces && flags.given("hidden-layers")) throw UsageError("--hidden-layers is of --dataset celeba");
  return sizes;
}

}  // namespace wasserkern::bench
