#include "bench/games/wgan.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/tape.h"
#include "losses/objectives/wgan.h"

namespace wasserkern::bench {
namespace {

/// critic_step(y, loss) takes the critic's step for the batch in game.x, generated points y and the loss of both.
template <class Optimizer, class CriticStep>
void train(Experiment& run, Game& game, int64_t critic_steps, Optimizer& generator_optimizer, const GameWatch& watch,
           CriticStep critic_step) {
  const auto constant_batch = [&] {
    const TapeOff constant;
    return generate(run, game, game.x.shape().rows());
  };
  run.train([&] {
    for (int64_t i = 0; i < critic_steps; ++i) {
      run.fill(game.x, game.batches);
      run.phase("critic", [&] {
        const Tensor y = constant_batch();
        const Tensor loss = losses::wgan_critic_loss(game.critic, game.x, y);
        run.record({{"distance", -loss}});
        critic_step(y, loss);
      });
    }
    run.phase("generator", [&] {
      const Tensor y = generate(run, game, run.batch_size());
      generator_optimizer.descend(grad(losses::wgan_generator_loss(game.critic, y), game.generator.parameters()));
      if (watch.generated) watch.generated(y.detach());
    });
    if (watch.iterated) watch.iterated();
  });
}

}  // namespace

void train_game(Experiment& run, Game& game, const ClippedWgan& settings, const GameWatch& watch) {
  const Parameters& critic = game.critic.parameters();
  RmsProp critic_optimizer(critic, settings.critic),
      generator_optimizer(game.generator.parameters(), settings.generator);
  keep(run, game);
  run.keep("critic_optimizer", critic_optimizer);
  run.keep("generator_optimizer", generator_optimizer);
  train(run, game, settings.critic_steps, generator_optimizer, watch, [&](const Tensor&, const Tensor& loss) {
    critic_optimizer.descend(grad(loss, critic));
    clip_weights(critic, settings.clip);
  });
}

void train_game(Experiment& run, Game& game, const PenalisedWgan& settings, const GameWatch& watch) {
  const Parameters& critic = game.critic.parameters();
  Adam critic_optimizer(critic, settings.critic), generator_optimizer(game.generator.parameters(), settings.generator);
  keep(run, game);
  run.keep("critic_optimizer", critic_optimizer);
  run.keep("generator_optimizer", generator_optimizer);
  train(run, game, settings.critic_steps, generator_optimizer, watch, [&](const Tensor& y, const Tensor& loss) {
    const Tensor penalty = settings.penalty(game.critic, interpolate(game.x, y, run.random()));
    run.record({{"penalty", penalty}});
    critic_optimizer.descend(grad(loss + settings.weight * penalty, critic));
  });
}

}  // namespace wasserkern::bench
