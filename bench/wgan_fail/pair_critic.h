#pragma once

#include <cstdint>
#include <string>

#include "bench/harness/flags.h"
#include "engine/random.h"
#include "models/model.h"

namespace wasserkern::bench {

/// Critics of images, from those of paper 004's figure 2.
struct PairCritic {
  std::string architecture;  // dcgan, mlp or resnet
  int64_t width;             // channels of its first convolution, or units of a layer

  /// For square colour images of 32 or 64 pixels across.
  models::Model make(Random& random, int64_t side) const;
};

/// --architecture, `architecture` by default, and --width.
PairCritic pair_critic_flags(Flags& flags, const std::string& architecture);

}  // namespace wasserkern::bench
