#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

/// What targets ask for: minus their potentials. Prices begin at 0 and only rise.
class Prices {
 public:
  explicit Prices(size_t targets) : exact_(targets, 0.0), rounded_(targets, 0.0f) {}

  double operator[](size_t target) const { return exact_[target]; }
  void raise(size_t target, double price) {
    exact_[target] = price;
    rounded_[target] = static_cast<float>(price);
    largest_ = std::max(largest_, price);
  }
  const std::vector<float>& rounded() const { return rounded_; }
  double largest() const { return largest_; }

 private:
  std::vector<double> exact_;
  std::vector<float> rounded_;
  double largest_ = 0;
};

/// A coupling in the making.
struct TransportPlan {
  std::vector<int64_t> supply;             // of each source, not yet sent
  std::vector<int64_t> demand;             // of each target, not yet met
  std::vector<std::vector<Share>> shares;  // of each target
  Prices price;

  explicit TransportPlan(const IntegerMasses& masses)
      : supply(masses.source), demand(masses.target), shares(masses.target.size()), price(masses.target.size()) {}

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
