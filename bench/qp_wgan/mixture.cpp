#include "models/mixture.h"

#include <algorithm>
#include <cmath>

#include "bench/harness/experiment.h"
#include "bench/qp_wgan/objective_flags.h"
#include "data/mixture.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/ops/reduce.h"
#include "engine/ops/view.h"
#include "engine/optimizer.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/qp_wgan.h"
#include "losses/objectives/wgan.h"

// Paper 000, figures 2 and 3: (q,p)-WGANs, WGAN and WGAN-GP on 140 points of a Gaussian mixture in the plane. An
// iteration is a step of the generator; one epoch is as many as the points fill batches: 64, 64 and 12.

using namespace wasserkern;

namespace {

constexpr int64_t kSamples = 2000;

struct Settings {
  std::string model;
  losses::QpWgan objective;  // of qp-wgan
  int64_t critic_steps;
  float rate;
  float clip;                       // of wgan
  losses::GradientPenalty penalty;  // of wgan-gp
  float penalty_weight;
  uint64_t data_seed;
};

struct Networks {
  models::Mlp critic, generator;
};

/// What every model has.
struct Game {
  Networks networks;
  data::Batches batches;
  Tensor points;  // all that the batches are of
  Tensor x;       // the slot of a batch
  Tensor noise;   // of the samples that are drawn
};

Settings settings_of(bench::Experiment& run) {
  using Sides = losses::GradientPenalty::Sides;
  bench::Flags& flags = run.flags();
  const auto number = [&](const bench::Flag& flag, double value) {
    return static_cast<float>(flags.number(flag, value));
  };
  Settings settings;
  settings.model = flags.choice({"model", "", "what is trained"}, {"qp-wgan", "wgan", "wgan-gp"});
  const bool is_qp = settings.model == "qp-wgan", is_wgan = settings.model == "wgan";
  settings.objective = bench::qp_wgan_flags(
      run, {.cost = LqCost{2, 2}, .search_space = losses::SearchSpace::Both, .lambda1 = 0.1f, .lambda2 = 1});
  settings.critic_steps = flags.integer({"critic-steps", "STEPS", "of the critic per iteration"}, is_qp ? 1 : 5, 1);
  settings.rate = number({"rate", "NUMBER", "step size of both optimizers"}, is_wgan ? 5e-5 : 1e-4);
  settings.clip = number({"clip", "NUMBER", "wgan: the critic's weights stay within plus and minus this"}, 0.01);
  // 0.1 as the authors' code has it for points in the plane; with its 10 for images the generator circles the points.
  settings.penalty_weight = number({"penalty", "NUMBER", "wgan-gp: weight of the gradient penalty"}, 0.1);
  const auto sides = flags.choice({"penalty-sides", "", "wgan-gp: slopes below 1 cost too, or not"}, {"two", "one"});
  settings.penalty.sides = sides == "two" ? Sides::Two : Sides::One;
  const bench::Flag data_seed{"data-seed", "NUMBER", "of the points; runs with different seeds learn the same ones"};
  settings.data_seed = static_cast<uint64_t>(flags.integer(data_seed, 1, 0));

  if (!(settings.clip > 0)) throw UsageError("--clip must be positive");
  if (settings.penalty_weight < 0) throw UsageError("--penalty must not be negative");
  const std::vector<std::pair<std::string, std::vector<std::string>>> own_flags = {
      {"qp-wgan", {"q", "p", "search-space", "lambda1", "lambda2", "p2"}},
      {"wgan", {"clip"}},
      {"wgan-gp", {"penalty", "penalty-sides"}}};
  for (const auto& [model, names] : own_flags)
    for (const std::string& name : names)
      if (flags.given(name) && model != settings.model)
        throw UsageError("--" + name + " is of --model " + model + ", not of " + settings.model);
  return settings;
}

Tensor generate(bench::Experiment& run, const models::Mlp& generator, int64_t count) {
  return generator(run.noise({count, models::kMixtureLatent}));
}

/// Paper 000, algorithm 1: one batch serves every step of the critic and the generator's.
void train_qp_wgan(bench::Experiment& run, Game& game, const Settings& settings) {
  const auto& [critic, generator] = game.networks;
  const losses::QpWgan& objective = settings.objective;
  const AdamOptions options{.rate = settings.rate, .beta1 = 0.5f};
  Adam critic_adam(critic.parameters(), options), generator_adam(generator.parameters(), options);
  run.keep("critic_optimizer", critic_adam);
  run.keep("generator_optimizer", generator_adam);

  run.train([&] {
    run.fill(game.x, game.batches);
    run.phase("step", [&] {
      const Tensor y = generate(run, generator, game.x.shape().rows());
      for (int64_t i = 0; i < settings.critic_steps; ++i) {
        const auto terms = objective.critic_loss(critic, game.x, y);
        critic_adam.descend(grad(terms.loss, critic.parameters()));
        run.record({{"dual", terms.dual}});
        if (terms.p1.defined()) run.record({{"p1", terms.p1}});
        if (terms.p2.defined()) run.record({{"p2", terms.p2}});
      }
      const Tensor distance = objective.generator_loss(critic, game.x, y).loss;
      generator_adam.descend(grad(distance, generator.parameters()));
      run.record({{"distance", distance}});
    });
  });
}

/// max |phi(a) - phi(b)| / |a - b|_2 over all pairs of points in the plane: how steep the critic is at least.
double steepest_slope(const std::vector<float>& points, const std::vector<float>& potentials) {
  double steepest = 0;
  for (size_t a = 0; a < potentials.size(); ++a)
    for (size_t b = 0; b < a; ++b) {
      const double way =
          std::hypot(double(points[2 * a]) - points[2 * b], double(points[2 * a + 1]) - points[2 * b + 1]);
      if (way > 0) steepest = std::max(steepest, std::abs(double(potentials[a]) - potentials[b]) / way);
    }
  return steepest;
}

/// The critic's objective over all points and as many generated ones, divided by its steepest slope: without that the
/// objective of a WGAN has no scale.
void record_scaled_distance(bench::Experiment& run, const Game& game) {
  const TapeOff off;
  const auto& [critic, generator] = game.networks;
  const Tensor y = generator(game.noise.viewed_rows(0, game.points.shape().rows()));
  const Tensor both = concatenate_rows(game.points, y);
  const auto slope = static_cast<float>(steepest_slope(both.to_host(), critic(both).to_host()));
  run.record({{"slope", Tensor::full(run.device(), {}, slope)}});
  if (slope > 0) run.record({{"scaled_distance", -losses::wgan_critic_loss(critic, game.points, y) / slope}});
}

/// WGAN (Arjovsky et al. 2017, algorithm 1) and WGAN-GP (Gulrajani et al. 2017, algorithm 1): every step of the critic
/// has a batch of its own.
template <class Optimizer>
void train_wgan(bench::Experiment& run, Game& game, const Settings& settings, Optimizer critic_optimizer,
                Optimizer generator_optimizer) {
  const auto& [critic, generator] = game.networks;
  const bool clips = settings.model == "wgan";
  const auto epoch = static_cast<uint64_t>(game.batches.batches_per_epoch());
  run.keep("critic_optimizer", critic_optimizer);
  run.keep("generator_optimizer", generator_optimizer);

  run.train([&] {
    for (int64_t i = 0; i < settings.critic_steps; ++i) {
      run.fill(game.x, game.batches);
      run.phase("critic", [&] {
        const Tensor y = generate(run, generator, game.x.shape().rows()).detach();
        Tensor loss = losses::wgan_critic_loss(critic, game.x, y);
        run.record({{"distance", -loss}});
        if (!clips) {
          const Tensor between = interpolate(game.x, y, run.random());
          loss = loss + settings.penalty_weight * settings.penalty(critic, between);
        }
        critic_optimizer.descend(grad(loss, critic.parameters()));
        if (clips) clip_weights(critic.parameters(), settings.clip);
      });
    }
    run.phase("generator", [&] {
      const Tensor y = generate(run, generator, run.batch_size());
      generator_optimizer.descend(grad(losses::wgan_generator_loss(critic, y), generator.parameters()));
    });
    if (run.step() % epoch == 0) record_scaled_distance(run, game);
  });
}

void train(bench::Experiment& run) {
  const Settings settings = settings_of(run);
  const data::Points points = data::gaussian_mixture(data::three_clusters(), settings.data_seed);
  Game game{.networks = {models::mixture_critic(run.random()), models::mixture_generator(run.random())},
            .batches = data::Batches(points, run.batch_size(), run.seed()),
            .points = Tensor::from_host(run.device(), {points.count, points.features}, points.values),
            .x = run.slot({run.batch_size(), points.features}),
            .noise = run.noise({kSamples, models::kMixtureLatent})};
  run.keep("critic", game.networks.critic.parameters());
  run.keep("generator", game.networks.generator.parameters());
  run.keep("batches", game.batches);

  run.every(run.samples_every(), [&] {
    run.save_points("data", game.points);
    run.save_points("generated", game.networks.generator(game.noise));
  });
  if (settings.model == "qp-wgan") return train_qp_wgan(run, game, settings);
  const Parameters &critic = game.networks.critic.parameters(), &generator = game.networks.generator.parameters();
  if (settings.model == "wgan") {
    const RmsPropOptions options{.rate = settings.rate};
    return train_wgan(run, game, settings, RmsProp(critic, options), RmsProp(generator, options));
  }
  const AdamOptions options{.rate = settings.rate, .beta1 = 0, .beta2 = 0.9f};
  train_wgan(run, game, settings, Adam(critic, options), Adam(generator, options));
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "qp_wgan/mixture",
                           .summary = "(q,p)-WGAN, WGAN and WGAN-GP on a Gaussian mixture in the plane",
                           .iterations = 1500,
                           .batch = 64,
                           .samples_every = 300};
  return bench::run_experiment(about, argc, argv, train);
}
