#pragma once

#include <span>
#include <string>
#include <vector>

#include "bench/harness/experiment.h"
#include "bench/wwgan/networks.h"
#include "models/network.h"

namespace wasserkern::bench {

/// The critic of a run of wwgan/train.
struct TrainedCritic {
  WwganNetworks networks;
  models::Network network;

  /// D of each image; throws ShapeError unless they are whole.
  std::vector<float> potentials(std::span<const float> images) const;
};

/// --critic FOLDER.
std::string critic_flag(Flags& flags);

/// The critic that the last checkpoint in `folder` has, once all flags are declared. Throws UsageError for no folder,
/// DataError.
TrainedCritic trained_critic(Experiment& run, const std::string& folder);

}  // namespace wasserkern::bench
