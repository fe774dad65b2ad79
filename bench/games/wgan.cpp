#include "bench/games/wgan.h"

#include "bench/games/alternating.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "losses/objectives/wgan.h"

namespace wasserkern::bench {
namespace {

/// The critic's loss, recorded as what it says of the distance.
Tensor recorded_loss(Experiment& run, const losses::CriticValues& values) {
  const Tensor loss = losses::wgan_critic_loss(values);
  run.record({{"distance", -loss}});
  return loss;
}

}  // namespace

void train_game(Experiment& run, Game& game, const ClippedWgan& settings, const GameWatch& watch) {
  const Parameters& weights = game.critic.parameters();
  RmsProp critic(weights, settings.critic), generator(game.generator.parameters(), settings.generator);
  train_alternately(
      run, game, settings.critic_steps, critic, generator, watch,
      [&](const Tensor& y) { return recorded_loss(run, losses::apart(game.critic, game.x, y)); },
      [&](const Tensor& y) { return losses::wgan_generator_loss(game.critic, y); },
      [&] { clip_weights(weights, settings.clip); });
}

void train_game(Experiment& run, Game& game, const PenalisedWgan& settings, const GameWatch& watch) {
  Adam critic(game.critic.parameters(), settings.critic), generator(game.generator.parameters(), settings.generator);
  train_alternately(
      run, game, settings.critic_steps, critic, generator, watch,
      [&](const Tensor& y) {
        const Tensor loss = recorded_loss(run, losses::apart(game.critic, game.x, y));
        const Tensor penalty = settings.penalty(game.critic, interpolate(game.x, y, run.random()));
        run.record({{"penalty", penalty}});
        return loss + settings.weight * penalty;
      },
      [&](const Tensor& y) { return losses::wgan_generator_loss(game.critic, y); });
}

void train_game(Experiment& run, Game& game, const LipschitzWgan& settings, const GameWatch& watch) {
  Adam critic(game.critic.parameters(), settings.critic), generator(game.generator.parameters(), settings.generator);
  train_alternately(
      run, game, settings.critic_steps, critic, generator, watch,
      [&](const Tensor& y) { return recorded_loss(run, losses::together(game.critic, game.x, y)); },
      [&](const Tensor& y) { return losses::wgan_generator_loss(game.critic, y); });
}

}  // namespace wasserkern::bench
