#pragma once

#include "bench/games/game.h"
#include "engine/optimizer.h"
#include "losses/objectives/gradient_penalty.h"

namespace wasserkern::bench {

/// Arjovsky et al. 2017, algorithm 1: a Lipschitz critic by bounded weights.
struct ClippedWgan {
  int64_t critic_steps = 5;  // per iteration, a batch each
  float clip = 0.01f;
  RmsPropOptions critic = {};
  RmsPropOptions generator = {};
};

/// Gulrajani et al. 2017, algorithm 1, and papers 001 and 002, algorithm 1: by a penalty.
struct PenalisedWgan {
  int64_t critic_steps = 5;  // per iteration, a batch each
  losses::GradientPenalty penalty = {};
  float weight = 10;
  AdamOptions critic = {.rate = 1e-4f, .beta1 = 0, .beta2 = 0.9f};
  AdamOptions generator = {.rate = 1e-4f, .beta1 = 0, .beta2 = 0.9f};
};

/// By the critic's architecture, models/lipschitz.h: Anil et al. 2019.
struct LipschitzWgan {
  int64_t critic_steps = 5;  // per iteration, a batch each
  AdamOptions critic = {.rate = 1e-3f, .beta1 = 0.5f, .beta2 = 0.9f};
  AdamOptions generator = {.rate = 1e-4f, .beta1 = 0.5f, .beta2 = 0.9f};
};

/// Trains, keeping everything in the checkpoint, and records distance, mean D(x) - mean D(y), and the penalty if there
/// is one.
void train_game(Experiment& run, Game& game, const ClippedWgan& settings, const GameWatch& watch);
void train_game(Experiment& run, Game& game, const PenalisedWgan& settings, const GameWatch& watch);
void train_game(Experiment& run, Game& game, const LipschitzWgan& settings, const GameWatch& watch);

}  // namespace wasserkern::bench
