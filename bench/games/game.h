#pragma once

#include <cstdint>
#include <functional>

#include "bench/harness/experiment.h"
#include "models/model.h"

namespace wasserkern::bench {

/// A critic against a generator.
struct Game {
  models::Model critic, generator;
  data::Batches batches;  // of real points
  Tensor x;               // the slot of a batch
  int64_t latent;         // values of the generator's noise z ~ N(0, I)
};

/// What a program adds to an iteration.
struct GameWatch {
  std::function<void(const Tensor& y)> generated = {};  // in the generator's phase, after its step, which y was for
  std::function<void()> iterated = {};                  // between phases
};

/// Keeps networks and batches in the run's checkpoint.
void keep(Experiment& run, Game& game);

/// Points from fresh noise, [count, ...].
Tensor generate(Experiment& run, const Game& game, int64_t count);

}  // namespace wasserkern::bench
