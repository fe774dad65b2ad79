#pragma once

#include <cstdint>
#include <optional>

#include "bench/games/image_samples.h"
#include "bench/wgan_fail/face_networks.h"
#include "bench/wgan_fail/image_set.h"
#include "engine/optimizer.h"
#include "losses/objectives/qp_wgan.h"

namespace wasserkern::bench {

/// Paper 004, algorithm 3: a critic and a generator play for V(D, x, y), and before every step of the generator V, its
/// loss L_G, is compared with the exact W1 of the same two batches.
struct BatchGame {
  /// V = mean D(x) + mean D^c(y), with the c-transform or the soft one; without, that of WGAN-GP,
  /// V = mean D(x) - mean D(y), from which the critic's step takes the gradient penalty.
  std::optional<losses::QpWgan> transform;
  float potential_scale = 1;  // of a transform: D is this many times the critic's output
  float penalty_weight = 10;  // of WGAN-GP
  int64_t critic_steps = 5;   // per iteration, a batch each
  AdamOptions critic = {}, generator = {};
  ImageSetFlags images;
  FaceNetworks networks;
  SampleSettings samples;
};

/// What the command line asks for, for a game with this transform, or none. Throws UsageError.
BatchGame batch_game_flags(Experiment& run, const std::optional<losses::QpWgan>& transform);

/// What became of V and W1.
struct BatchComparison {
  double objective, exact, pairs;       // means of the last tenth of all iterations
  double first_objective, first_exact;  // of the first tenth
  double correlation;                   // of both from batch to batch: over the last half
  double largest_excess;                // max V - W1
};

/// Trains, keeping everything in the checkpoint, and draws samples. Records `objective`, L_G, and `exact`, the
/// certified W1, of every iteration's two batches, and `pairs`, the mean distance between them; `spread`, the generated
/// pixels' standard deviation over the batch; `dual`, V of the critic's last step; for WGAN-GP `penalty`, and now and
/// then `slope`, the critic's steepest between the two batches.
BatchComparison train_batch_game(Experiment& run, const BatchGame& settings);

}  // namespace wasserkern::bench
