#pragma once

#include "bench/games/game.h"
#include "engine/tape.h"

namespace wasserkern::bench {

/// Keeps the game and its optimizers in the checkpoint, and trains by the phases "critic", for a fresh batch in game.x
/// and as many generated points y each, and "generator". critic_loss(y) and generator_loss(y) are the losses to
/// descend; after_step() may follow the critic's.
template <class Optimizer, class CriticLoss, class GeneratorLoss>
void train_alternately(Experiment& run, Game& game, int64_t critic_steps, Optimizer& critic, Optimizer& generator,
                       const GameWatch& watch, CriticLoss critic_loss, GeneratorLoss generator_loss,
                       const std::function<void()>& after_critic_step = {}) {
  keep(run, game);
  run.keep("critic_optimizer", critic);
  run.keep("generator_optimizer", generator);
  const auto constant_batch = [&] {
    const TapeOff constant;
    return generate(run, game, game.x.shape().rows());
  };
  run.train([&] {
    for (int64_t i = 0; i < critic_steps; ++i) {
      run.fill(game.x, game.batches);
      run.phase("critic", [&] {
        critic.descend(grad(critic_loss(constant_batch()), game.critic.parameters()));
        if (after_critic_step) after_critic_step();
      });
    }
    run.phase("generator", [&] {
      const Tensor y = generate(run, game, run.batch_size());
      generator.descend(grad(generator_loss(y), game.generator.parameters()));
      if (watch.generated) watch.generated(y.detach());
    });
    if (watch.iterated) watch.iterated();
  });
}

}  // namespace wasserkern::bench
