#pragma once

#include <string>

#include "bench/harness/flags.h"
#include "bench/harness/image_grid.h"
#include "engine/random.h"
#include "models/network.h"

namespace wasserkern::bench {

/// The networks of papers 001 and 002, for CIFAR-10 or faces of 64 x 64 pixels.
struct WwganNetworks {
  std::string dataset;    // cifar-10 or celeba
  int64_t width;          // channels of the critic's first layer
  int64_t hidden_layers;  // of either network, for celeba
  int64_t latent;         // values of the generator's noise

  /// Throws UsageError for networks that do not exist.
  void check() const;
  ImageShape image() const;
  models::Network critic(Random& random) const;
  models::Network generator(Random& random) const;
};

/// Those that the flags --dataset, --width, --hidden-layers and --latent ask for. Throws UsageError.
WwganNetworks network_flags(Flags& flags);

}  // namespace wasserkern::bench
