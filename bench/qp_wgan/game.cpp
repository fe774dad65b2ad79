#include "bench/qp_wgan/game.h"

#include <utility>
#include <vector>

#include "bench/qp_wgan/objective_flags.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/ops/reduce.h"
#include "engine/optimizer.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/wgan.h"

namespace wasserkern::bench {
namespace {

Tensor generate(Experiment& run, const Game& game, int64_t count) {
  return game.generator(run.noise({count, game.latent}));
}

/// Paper 000, algorithm 1: one batch serves every step of the critic and the generator's.
void train_qp_wgan(Experiment& run, Game& game, const GameSettings& settings, const GameWatch& watch) {
  const losses::QpWgan& objective = settings.objective;
  Adam critic_adam(game.critic.parameters(), {.rate = settings.critic_rate, .beta1 = 0.5f});
  Adam generator_adam(game.generator.parameters(), {.rate = settings.rate, .beta1 = 0.5f});
  run.keep("critic_optimizer", critic_adam);
  run.keep("generator_optimizer", generator_adam);

  const losses::Critic potential = [&](const Tensor& points) {
    const Tensor values = game.critic(points);
    return settings.potential_scale == 1 ? values : values * settings.potential_scale;
  };
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

/// WGAN (Arjovsky et al. 2017, algorithm 1) and WGAN-GP (Gulrajani et al. 2017, algorithm 1): every step of the critic
/// has a batch of its own.
template <class Optimizer>
void train_wgan(Experiment& run, Game& game, const GameSettings& settings, const GameWatch& watch,
                Optimizer critic_optimizer, Optimizer generator_optimizer) {
  const bool clips = settings.model == "wgan";
  run.keep("critic_optimizer", critic_optimizer);
  run.keep("generator_optimizer", generator_optimizer);

  const auto constant_batch = [&] {
    const TapeOff constant;
    return generate(run, game, game.x.shape().rows());
  };
  run.train([&] {
    for (int64_t i = 0; i < settings.critic_steps; ++i) {
      run.fill(game.x, game.batches);
      run.phase("critic", [&] {
        const Tensor y = constant_batch();
        Tensor loss = losses::wgan_critic_loss(game.critic, game.x, y);
        run.record({{"distance", -loss}});
        if (!clips) {
          const Tensor penalty = settings.penalty(game.critic, interpolate(game.x, y, run.random()));
          run.record({{"penalty", penalty}});
          loss = loss + settings.penalty_weight * penalty;
        }
        critic_optimizer.descend(grad(loss, game.critic.parameters()));
        if (clips) clip_weights(game.critic.parameters(), settings.clip);
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
  const Parameters &critic = game.critic.parameters(), &generator = game.generator.parameters();
  run.keep("critic", critic);
  run.keep("generator", generator);
  if (game.generator.statistics().count() > 0) run.keep("generator_statistics", game.generator.statistics());
  run.keep("batches", game.batches);
  if (settings.model == "qp-wgan") return train_qp_wgan(run, game, settings, watch);
  if (settings.model == "wgan") {
    return train_wgan(run, game, settings, watch, RmsProp(critic, {.rate = settings.critic_rate}),
                      RmsProp(generator, {.rate = settings.rate}));
  }
  AdamOptions options{.rate = settings.rate, .beta1 = 0, .beta2 = 0.9f};
  Adam generator_adam(generator, options);
  options.rate = settings.critic_rate;
  train_wgan(run, game, settings, watch, Adam(critic, options), std::move(generator_adam));
}

}  // namespace wasserkern::bench
