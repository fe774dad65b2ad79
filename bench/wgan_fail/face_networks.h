#pragma once

#include <string>

#include "bench/harness/flags.h"
#include "engine/random.h"
#include "models/model.h"

namespace wasserkern::bench {

/// Networks for the images of paper 004's generators, for which it names StyleGAN's and no sizes. A DCGAN's are those
/// of papers 001 and 002.
struct FaceNetworks {
  std::string kind;     // dcgan or style
  std::string dataset;  // celeba, 64 x 64 pixels, or cifar-10
  int64_t width;        // channels of the critic's first layer
  int64_t latent;       // values of the generator's noise

  models::Model critic(Random& random) const;
  models::Model generator(Random& random) const;
};

/// --networks, --width and --latent; throws UsageError.
FaceNetworks face_network_flags(Flags& flags, const std::string& dataset);

}  // namespace wasserkern::bench
