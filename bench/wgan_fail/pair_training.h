#pragma once

#include <cstdint>
#include <functional>

#include "bench/harness/experiment.h"
#include "bench/wgan_fail/image_pair.h"
#include "engine/optimizer.h"
#include "models/model.h"

namespace wasserkern::bench {

/// How a critic learns from batches of two fixed sets, as if the generator were frozen: paper 004, algorithm 2. An
/// iteration is one update.
struct PairTraining {
  int64_t batch = 64;  // images of each set per update; all of them if there are no more
  AdamOptions adam = {.rate = 1e-4f, .beta1 = 0, .beta2 = 0.9f};
  /// The loss of batches x and y, to descend; in a phase, may record.
  std::function<Tensor(const Tensor& x, const Tensor& y)> loss = {};
  /// In the phase, after the step.
  std::function<void()> stepped = {};
  /// Between phases, after every `measure_every` updates.
  int64_t measure_every = 1000;
  std::function<void()> measured = {};
};

/// Trains, keeping everything in the checkpoint.
void train_on_pair(Experiment& run, const ImagePair& pair, const models::Model& critic, const PairTraining& training);

}  // namespace wasserkern::bench
