#pragma once

#include "bench/games/game.h"
#include "engine/optimizer.h"

namespace wasserkern::bench {

/// Goodfellow et al. 2014, with the generator's loss of section 3, which does not saturate.
struct NonSaturatingGan {
  int64_t critic_steps = 1;  // per iteration, a batch each
  bool together = false;     // the critic sees real and generated points in one batch: losses::together
  AdamOptions critic = {.rate = 2e-4f, .beta1 = 0.5f};
  AdamOptions generator = {.rate = 2e-4f, .beta1 = 0.5f};
};

/// Trains, keeping everything in the checkpoint, and records critic_loss and generator_loss.
void train_game(Experiment& run, Game& game, const NonSaturatingGan& settings, const GameWatch& watch);

}  // namespace wasserkern::bench
