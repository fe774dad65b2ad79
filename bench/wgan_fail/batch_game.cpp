#include "bench/wgan_fail/batch_game.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/games/game.h"
#include "bench/games/image_measures.h"
#include "bench/harness/statistics.h"
#include "bench/wgan_fail/lipschitz_estimate.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/ops/view.h"
#include "engine/tape.h"
#include "kernels/assignment.h"
#include "kernels/error.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/wgan.h"
#include "losses/transport/batched_exact.h"

namespace wasserkern::bench {
namespace {

constexpr LqCost kEuclidean{.q = 2, .p = 1};
constexpr uint64_t kSlopeEvery = 10;

struct CriticTerms {
  Tensor loss;  // to descend
  Tensor dual;  // V
};

CriticTerms critic_terms(Experiment& run, const BatchGame& settings, const losses::Critic& critic, const Tensor& x,
                         const Tensor& y) {
  if (settings.transform) {
    const auto terms = settings.transform->critic_loss(critic, x, y);
    return {terms.loss, terms.dual};
  }
  const Tensor penalty = losses::GradientPenalty{}(critic, interpolate(x, y, run.random()));
  run.record({{"penalty", penalty}});
  const Tensor loss = losses::wgan_critic_loss(critic, x, y);
  return {loss + settings.penalty_weight * penalty, -loss};
}

/// V, for the generator to descend: the real term is a constant, and is there to be compared. Remark 2.
Tensor generator_loss(const BatchGame& settings, const losses::Critic& critic, const Tensor& x, const Tensor& y) {
  if (settings.transform) return settings.transform->generator_loss(critic, x, y).loss;
  const Tensor of_real = [&] {
    const TapeOff constant;
    return mean(critic(x));
  }();
  return of_real + losses::wgan_generator_loss(critic, y);
}

using Rows = std::vector<std::pair<uint64_t, double>>;

double mean_of(std::span<const Rows::value_type> rows) {
  double sum = 0;
  for (const auto& [step, value] : rows) sum += value;
  return sum / static_cast<double>(rows.size());
}

std::vector<double> values_of_last(const Rows& rows, size_t count) {
  std::vector<double> values;
  for (const auto& [step, value] : std::span(rows).last(count)) values.push_back(value);
  return values;
}

BatchComparison compare(Experiment& run) {
  const Rows objective = run.measured("objective"), exact = run.measured("exact"), pairs = run.measured("pairs");
  const size_t tenth = std::max<size_t>(exact.size() / 10, 1), half = exact.size() / 2;
  const auto last = [&](const Rows& rows) { return mean_of(std::span(rows).last(tenth)); };
  const auto first = [&](const Rows& rows) { return mean_of(std::span(rows).first(tenth)); };
  BatchComparison found{.objective = last(objective),
                        .exact = last(exact),
                        .pairs = last(pairs),
                        .first_objective = first(objective),
                        .first_exact = first(exact),
                        .correlation = correlation(values_of_last(objective, half), values_of_last(exact, half)),
                        .largest_excess = -INFINITY};
  for (size_t i = 0; i < exact.size(); ++i)
    found.largest_excess = std::max(found.largest_excess, objective[i].second - exact[i].second);
  return found;
}

}  // namespace

BatchGame batch_game_flags(Experiment& run, const std::optional<losses::QpWgan>& transform) {
  Flags& flags = run.flags();
  const auto number = [&](const Flag& flag, double value) { return static_cast<float>(flags.number(flag, value)); };
  const ImageSetFlags images(flags, {"celeba", "cifar-10"});
  const FaceNetworks networks = face_network_flags(flags, images.dataset);
  BatchGame game{.transform = transform, .images = images, .networks = networks, .samples = sample_flags(flags)};
  game.critic_steps = flags.integer({"critic-steps", "STEPS", "of the critic per iteration"}, 5, 1);
  game.generator.rate = number({"rate", "NUMBER", "step size of both optimizers"}, 1e-4);
  game.generator.beta1 = number({"adam-beta1", "NUMBER", "Adam's decay of the mean gradient"}, 0);
  game.generator.beta2 = number({"adam-beta2", "NUMBER", "Adam's decay of the mean square"}, 0.9);
  game.critic = game.generator;
  game.critic.rate =
      number({"critic-rate", "NUMBER", "of the critic's, if it has its own"}, decimal(game.generator.rate));
  game.potential_scale =
      number({"potential-scale", "NUMBER", "c-transforms: the potential is this many times the critic's output"}, 1);
  if (!(game.potential_scale > 0)) throw UsageError("--potential-scale must be positive");
  if (flags.given("potential-scale") && !transform)
    throw UsageError("--potential-scale is of c-transforms, not of wgan-gp");
  if (run.batch_size() > kMostAssigned)
    throw UsageError("--batch " + std::to_string(run.batch_size()) + ": batches have up to " +
                     std::to_string(kMostAssigned) + " images; give a smaller one");
  return game;
}

BatchComparison train_batch_game(Experiment& run, const BatchGame& settings) {
  const ImageSet set = settings.images.load(run);
  const FaceNetworks& networks = settings.networks;
  Game game{.critic = networks.critic(run.random()),
            .generator = networks.generator(run.random()),
            .batches = data::Batches(set.images, run.batch_size(), run.seed(), set.kRange),
            .x = run.slot(set.shape().batch_of(run.batch_size())),
            .latent = networks.latent};
  ImageSamples samples(run, game, settings.samples, set.image_shape(), set.kRange,
                       [&] { return networks.generator(run.random()); });
  Adam critic_adam(game.critic.parameters(), settings.critic),
      generator_adam(game.generator.parameters(), settings.generator);
  keep(run, game);
  run.keep("critic_optimizer", critic_adam);
  run.keep("generator_optimizer", generator_adam);
  Random between(run.device(), ~run.seed());  // of its own: measuring changes nothing in what is trained

  const losses::Critic critic = losses::scaled(game.critic, settings.potential_scale);
  const auto generate_batch = [&] { return generate(run, game, run.batch_size()); };
  Tensor y;
  losses::BatchedExact exact;
  run.train([&] {
    for (int64_t i = 0; i < settings.critic_steps; ++i) {
      run.fill(game.x, game.batches);
      run.phase("critic", [&] {
        const Tensor constant = [&] {
          const TapeOff off;
          return generate_batch();
        }();
        const auto [loss, dual] = critic_terms(run, settings, critic, game.x, constant);
        critic_adam.descend(grad(loss, game.critic.parameters()));
        run.record({{"dual", dual}});
      });
    }
    run.fill(game.x, game.batches);
    run.phase("generator", [&] {
      const Tensor generated = generate_batch();
      const Tensor loss = generator_loss(settings, critic, game.x, generated);
      generator_adam.descend(grad(loss, game.generator.parameters()));
      samples.follow();
      y = generated.detach();
      const Tensor costs = pairwise_cost(kEuclidean, game.x, y);
      exact = losses::batched_exact_transport(reshape(costs, {1, costs.shape()[0], costs.shape()[1]}));
      run.record({{"objective", loss}, {"pairs", mean(costs)}, {"spread", spread(y)}});
    });
    // Where training diverged its own values stop the run, and say what to do.
    if (!std::isfinite(exact.sums.to_host()[0].cost)) return;
    run.measure({{"exact", exact.certified_values()[0]}});
    if (settings.transform || run.step() % kSlopeEvery != 0) return;
    between.begin_step(run.step());
    run.measure({{"slope", lipschitz_estimate(critic, interpolate(game.x, y, between))}});
    between.end_step();
  });
  return compare(run);
}

}  // namespace wasserkern::bench
