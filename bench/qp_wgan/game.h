#pragma once

#include <string>

#include "bench/games/game.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/qp_wgan.h"

namespace wasserkern::bench {

/// Which of paper 000's games is played, and how.
struct GameSettings {
  std::string model;                     // qp-wgan, wgan or wgan-gp
  losses::QpWgan objective;              // of qp-wgan
  float potential_scale = 1;             // of qp-wgan: the potential is this many times the critic's output
  int64_t critic_steps;                  // per iteration
  float rate;                            // step size of the generator's optimizer
  float critic_rate;                     // and of the critic's
  float clip = 0.01f;                    // of wgan
  losses::GradientPenalty penalty = {};  // of wgan-gp
  float penalty_weight;
};

/// The settings that the command line asks for, by default a (q,p)-WGAN with `objective`, and for WGAN and WGAN-GP what
/// their papers have, but for the weight of the gradient penalty. Throws UsageError for flags of another model.
GameSettings game_flags(Experiment& run, const losses::QpWgan& objective, float penalty_weight);

/// Trains, keeping everything in the checkpoint, and records distance, dual, p1, p2 and penalty as far as there are
/// any.
void train_game(Experiment& run, Game& game, const GameSettings& settings, const GameWatch& watch);

}  // namespace wasserkern::bench
