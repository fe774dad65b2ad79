#include "bench/games/gan.h"

#include "bench/games/alternating.h"
#include "losses/objectives/gan.h"

namespace wasserkern::bench {

void train_game(Experiment& run, Game& game, const NonSaturatingGan& settings, const GameWatch& watch) {
  Adam critic(game.critic.parameters(), settings.critic), generator(game.generator.parameters(), settings.generator);
  const auto recorded = [&](const char* name, const Tensor& loss) {
    run.record({{name, loss}});
    return loss;
  };
  const auto see = settings.together ? losses::together : losses::apart;
  train_alternately(
      run, game, settings.critic_steps, critic, generator, watch,
      [&](const Tensor& y) { return recorded("critic_loss", losses::gan_critic_loss(see(game.critic, game.x, y))); },
      [&](const Tensor& y) { return recorded("generator_loss", losses::gan_non_saturating_loss(game.critic, y)); });
}

}  // namespace wasserkern::bench
