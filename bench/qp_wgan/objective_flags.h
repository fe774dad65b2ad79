#pragma once

#include "bench/harness/experiment.h"
#include "losses/objectives/qp_wgan.h"

namespace wasserkern::bench {

/// The (q,p)-WGAN objective that the command line asks for: --q, --p, --search-space, --lambda1, --lambda2, --p2.
inline losses::QpWgan qp_wgan_flags(Experiment& run, losses::QpWgan objective) {
  Flags& flags = run.flags();
  objective.cost = run.option(std::get<LqCost>(objective.cost));
  const bool both = objective.search_space == losses::SearchSpace::Both;
  const Flag space{"search-space", "", "the batches whose points the c-transform minimises over"};
  const auto chosen =
      flags.choice(space, both ? std::vector<std::string>{"both", "real"} : std::vector<std::string>{"real", "both"});
  objective.search_space = chosen == "both" ? losses::SearchSpace::Both : losses::SearchSpace::Real;
  objective.lambda1 = static_cast<float>(flags.number(
      {"lambda1", "NUMBER", "weight of P1, the squared slack between the batches"}, decimal(objective.lambda1)));
  objective.lambda2 = static_cast<float>(
      flags.number({"lambda2", "NUMBER", "weight of P2, of all pairs of either batch"}, decimal(objective.lambda2)));
  const auto reading =
      flags.choice({"p2", "", "P2 penalises violations (the paper's equation 19) or squared slack (its algorithm 1)"},
                   {"violation", "square"});
  objective.p2 = reading == "square" ? Penalty::Square : Penalty::Violation;
  return objective;
}

}  // namespace wasserkern::bench
