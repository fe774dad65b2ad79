#include "bench/qp_wgan/game.h"

#include <utility>
#include <vector>

#include "bench/games/wgan.h"
#include "bench/qp_wgan/objective_flags.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/optimizer.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

/// Paper 000, algorithm 1: one batch serves every step of the critic and the generator's.
void train_qp_wgan(Experiment& run, Game& game, const GameSettings& settings, const GameWatch& watch) {
  const losses::QpWgan& objective = settings.objective;
  Adam critic_adam(game.critic.parameters(), {.rate = settings.critic_rate, .beta1 = 0.5f});
  Adam generator_adam(game.generator.parameters(), {.rate = settings.rate, .beta1 = 0.5f});
  keep(run, game);
  run.keep("critic_optimizer", critic_adam);
  run.keep("generator_optimizer", generator_adam);

  const losses::Critic potential = losses::scaled(game.critic, settings.potential_scale);
  run.train([&] {
    run.fill(game.x, game.batches);
    run.phase("step", [&] {
      const Tensor y = generate(run, game, game.x.shape().rows());
      for (int64_t i = 0; i < settings.critic_steps; ++i) {
        const auto terms = objective.critic_loss(potential, game.x, y);
        critic_adam.descend(grad(terms.loss, game.critic.parameters()));
        run.record({{"dual", terms.dual}});
        if (terms.p1.defined()) run.record({{"p1", terms.p1}});
        if (terms.p2.defined()) run.record({{"p2", terms.p2}});
      }
      const auto [distance, argmin] = objective.generator_loss(potential, game.x, y);
      generator_adam.descend(grad(distance, game.generator.parameters()));
      run.record({{"distance", distance}, {"matched", count_distinct(argmin, 2 * y.shape().rows())}});
      if (watch.generated) watch.generated(y.detach());
    });
    if (watch.iterated) watch.iterated();
  });
}

}  // namespace

GameSettings game_flags(Experiment& run, const losses::QpWgan& objective, float penalty_weight) {
  using Sides = losses::GradientPenalty::Sides;
  Flags& flags = run.flags();
  const auto number = [&](const Flag& flag, double value) { return static_cast<float>(flags.number(flag, value)); };
  GameSettings settings;
  settings.model = flags.choice({"model", "", "what is trained"}, {"qp-wgan", "wgan", "wgan-gp"});
  const bool is_qp = settings.model == "qp-wgan", is_wgan = settings.model == "wgan";
  settings.objective = qp_wgan_flags(run, objective);
  settings.critic_steps = flags.integer({"critic-steps", "STEPS", "of the critic per iteration"}, is_qp ? 1 : 5, 1);
  settings.potential_scale =
      number({"potential-scale", "NUMBER", "qp-wgan: the potential is this many times the critic's output"}, 1);
  settings.rate = number({"rate", "NUMBER", "step size of both optimizers"}, is_wgan ? 5e-5 : 1e-4);
  settings.critic_rate =
      number({"critic-rate", "NUMBER", "of the critic's, if it has its own"}, decimal(settings.rate));
  settings.clip = number({"clip", "NUMBER", "wgan: the critic's weights stay within plus and minus this"}, 0.01);
  settings.penalty_weight =
      number({"penalty", "NUMBER", "wgan-gp: weight of the gradient penalty"}, decimal(penalty_weight));
  const auto sides = flags.choice({"penalty-sides", "", "wgan-gp: slopes below 1 cost too, or not"}, {"two", "one"});
  settings.penalty.sides = sides == "two" ? Sides::Two : Sides::One;

  if (!(settings.potential_scale > 0)) throw UsageError("--potential-scale must be positive");
  if (!(settings.clip > 0)) throw UsageError("--clip must be positive");
  if (settings.penalty_weight < 0) throw UsageError("--penalty must not be negative");
  const std::vector<std::pair<std::string, std::vector<std::string>>> own_flags = {
      {"qp-wgan", {"q", "p", "search-space", "lambda1", "lambda2", "p2", "potential-scale"}},
      {"wgan", {"clip"}},
      {"wgan-gp", {"penalty", "penalty-sides"}}};
  for (const auto& [model, names] : own_flags)
    for (const std::string& name : names)
      if (flags.given(name) && model != settings.model)
        throw UsageError("--" + name + " is of --model " + model + ", not of " + settings.model);
  return settings;
}

void train_game(Experiment& run, Game& game, const GameSettings& settings, const GameWatch& watch) {
  if (settings.model == "qp-wgan") return train_qp_wgan(run, game, settings, watch);
  if (settings.model == "wgan") {
    const ClippedWgan wgan{.critic_steps = settings.critic_steps,
                           .clip = settings.clip,
                           .critic = {.rate = settings.critic_rate},
                           .generator = {.rate = settings.rate}};
    return train_game(run, game, wgan, watch);
  }
  PenalisedWgan wgan_gp{
      .critic_steps = settings.critic_steps, .penalty = settings.penalty, .weight = settings.penalty_weight};
  wgan_gp.critic.rate = settings.critic_rate;
  wgan_gp.generator.rate = settings.rate;
  train_game(run, game, wgan_gp, watch);
}

}  // namespace wasserkern::bench
