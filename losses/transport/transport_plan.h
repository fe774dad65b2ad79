#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "losses/transport/integer_masses.h"

namespace wasserkern::losses {

/// What a target gets from one source.
struct Share {
  int32_t source;
  float cost;
  int64_t mass;
  double level;  // the price that the source bid; for the auction
};

/// A coupling in the making, with the targets' prices: minus their potentials, so that prices rise.
struct TransportPlan {
  std::vector<int64_t> supply;             // of each source, not yet sent
  std::vector<int64_t> demand;             // of each target, not yet met
  std::vector<std::vector<Share>> shares;  // of each target
  std::vector<double> price;               // of each target

  explicit TransportPlan(const IntegerMasses& masses)
      : supply(masses.source), demand(masses.target), shares(masses.target.size()), price(masses.target.size(), 0.0) {}

  /// Takes everything back from the targets.
  void clear() {
    for (size_t j = 0; j < shares.size(); ++j) {
      for (const Share& share : shares[j]) {
        supply[static_cast<size_t>(share.source)] += share.mass;
        demand[j] += share.mass;
      }
      shares[j].clear();
    }
  }
};

}  // namespace wasserkern::losses
