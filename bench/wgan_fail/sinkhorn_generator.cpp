#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "bench/games/image_measures.h"
#include "bench/games/image_samples.h"
#include "bench/harness/printed.h"
#include "bench/harness/statistics.h"
#include "bench/wgan_fail/batch_distance.h"
#include "bench/wgan_fail/face_networks.h"
#include "bench/wgan_fail/image_set.h"
#include "bench/wgan_fail/mixture_measures.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/optimizer.h"
#include "engine/tape.h"
#include "kernels/assignment.h"
#include "losses/objectives/batch_sinkhorn.h"
#include "losses/transport/sinkhorn.h"
#include "models/mixture.h"

// Paper 004, section 6.2 and figure 15: a generator without a critic, which descends the Sinkhorn divergence between
// its batch and a real one, or with --epsilon 0 their exact W1; the method of Fatras et al. 2020, who learnt points in
// the plane with it (--dataset mixture). The paper's epsilons are 0.01, 1, 10 and 100; its faces are blurry and much
// alike.
//
// Besides `divergence` every step has `exact`, the certified W1 between its two batches, and `spread`, the standard
// deviation of what is generated over the batch. With every samples `settled` is what the divergence between the same
// batches is when Sinkhorn's iteration is left to converge, and `between_real` the exact W1 of two real batches, which
// says what the choice of a batch makes of it.

using namespace wasserkern;
using bench::printed;

namespace {

constexpr LqCost kEuclidean{.q = 2, .p = 1};

/// Who learns, and what.
struct Learner {
  models::Model generator;
  int64_t latent;
  data::Batches batches;
  Tensor x;  // the slot of a batch
};

struct Settings {
  std::string dataset;
  losses::BatchSinkhorn objective = {.cost = kEuclidean};  // epsilon 0: the exact W1
  int64_t iterations = 0;                                  // of it; 0: as many as it takes
  bool unrolled = false;
  AdamOptions adam = {};

  bool exact() const { return objective.epsilon == 0; }
  std::string described() const { return exact() ? "the exact W1" : "epsilon = " + printed("%g", objective.epsilon); }
};

Settings settings_flags(bench::Flags& flags, const std::string& dataset) {
  const auto number = [&](const bench::Flag& flag, double value) {
    return static_cast<float>(flags.number(flag, value));
  };
  Settings settings{.dataset = dataset};
  settings.objective.epsilon = number({"epsilon", "NUMBER", "of the Sinkhorn divergence; 0: the exact W1"}, 1);
  settings.iterations = flags.integer(
      {"sinkhorn-iterations", "COUNT", "a step; epsilon falls by a twentieth in each; 0: as many as it takes"}, 0, 0);
  settings.unrolled = flags.choice({"gradient", "", "with couplings held still, or through all of the iterations"},
                                   {"envelope", "unrolled"}) == "unrolled";
  settings.adam.rate = number({"rate", "NUMBER", "Adam's step size"}, dataset == "mixture" ? 5e-3 : 2e-4);
  settings.adam.beta1 = 0;
  settings.adam.beta2 = 0.9f;
  if (!(settings.objective.epsilon >= 0) || std::isinf(settings.objective.epsilon))
    throw UsageError("--epsilon must be finite and not negative");
  for (const char* name : {"gradient", "sinkhorn-iterations"})
    if (flags.given(name) && settings.exact())
      throw UsageError("--" + std::string(name) + " is of Sinkhorn's iteration; give an --epsilon above 0");
  return settings;
}

/// Epsilon starts at the mean cost within `batch` and falls slowly: then two hundred iterations at its last value leave
/// the gradient within a percent for faces and the paper's epsilons.
void schedule(Settings& settings, const Tensor& batch) {
  losses::BatchSinkhorn& rule = settings.objective;
  rule.scaling = 0.95f;
  rule.first_epsilon = mean(pairwise_cost(rule.cost, batch, batch)).item();
  const double falling = std::log(rule.first_epsilon / rule.epsilon) / -std::log(rule.scaling);
  rule.iterations = settings.iterations > 0 ? settings.iterations : 200 + std::llround(std::max(falling, 0.0));
}

/// Trains, keeping everything in the checkpoint. `stepped` is called in the step's phase, after it, `compared` between
/// phases, as often as samples are drawn.
void learn(bench::Experiment& run, Learner& learner, Settings settings, const std::function<void()>& stepped,
           const std::function<void()>& compared) {
  const auto batch = [&] {
    run.fill(learner.x, learner.batches);
    return learner.x;
  };
  // The batch after the one at hand, which the next step has as well.
  const auto next_batch = [&] {
    const uint64_t here = learner.batches.position();
    const Tensor next = Tensor::from_host(run.device(), learner.x.shape(), learner.batches.next());
    learner.batches.seek(here);
    return next;
  };
  if (!settings.exact()) schedule(settings, next_batch());
  Adam adam(learner.generator.parameters(), settings.adam);
  run.keep("generator", learner.generator.parameters());
  if (learner.generator.statistics().count() > 0) run.keep("generator_statistics", learner.generator.statistics());
  run.keep("batches", learner.batches);
  run.keep("optimizer", adam);

  Tensor y;
  losses::BatchedExact exact;
  const auto objective = [&](const Tensor& x, const Tensor& generated) {
    if (settings.exact())
      return losses::assignment_cost(kEuclidean, bench::one_problem(x), bench::one_problem(generated),
                                     exact.assignment);
    return settings.unrolled ? settings.objective.unrolled(x, generated) : settings.objective(x, generated);
  };
  run.train([&] {
    const Tensor x = batch();
    run.phase("step", [&] {
      const Tensor generated = learner.generator(run.noise({x.shape().rows(), learner.latent}));
      y = generated.detach();
      exact = bench::batch_w1(x, y);
      const Tensor divergence = objective(x, generated);
      adam.descend(grad(divergence, learner.generator.parameters()));
      run.record({{"divergence", divergence}, {"spread", bench::spread(y)}});
      stepped();
    });
    // Where training diverged its own values stop the run, and say what to do.
    if (!std::isfinite(exact.sums.to_host()[0].cost)) return;
    run.measure({{"exact", exact.certified_values()[0]}});
    const auto step = static_cast<int64_t>(run.step());
    if (step % run.samples_every() != 0 && step != run.iterations()) return;

    const TapeOff off;
    const double between_real = bench::batch_w1(x, next_batch()).certified_values()[0];
    run.measure({{"between_real", between_real}, {"real_spread", bench::spread(x).item()}});
    if (!settings.exact()) {
      const auto settled = losses::sinkhorn_divergence(
          kEuclidean, {x, {}}, {y, {}}, {.epsilon = settings.objective.epsilon, .most_iterations = 10'000});
      if (settled.converged()) run.measure({{"settled", settled.value()}});
    }
    compared();
  });
}

void report(bench::Experiment& run, const Settings& settings) {
  bench::ResultTable table{.title = "paper 004, figure 15: a generator that descends " +
                                    (settings.exact() ? std::string() : "the Sinkhorn divergence, ") +
                                    settings.described() + ", of batches of " + std::to_string(run.batch_size()),
                           .header = {"quantity", "ours", "paper, of its picture"},
                           .rows = {}};
  const auto row = [&](const std::string& name, const std::string& column, const std::string& published = "") {
    table.rows.push_back({name, printed("%.4g", bench::mean_of_last_tenth(run.measured(column))), published});
  };
  row("divergence, mean of the last tenth", "divergence");
  row("exact W1, the same", "exact");
  row("exact W1 of two real batches", "between_real");
  const bool images = settings.dataset != "mixture";
  row("spread of generated ones", "spread", images ? "blurry, not diverse" : "");
  row("spread of real ones", "real_spread");
  if (!images) {
    row("modes covered, of 8", "modes", "all");
    row("share near a mode", "near");
    row("exact W1 of samples", "exact_samples");
  }
  run.results(table);
}

void learn_images(bench::Experiment& run, const bench::ImageSetFlags& images) {
  const bench::FaceNetworks networks = bench::face_network_flags(run.flags(), images.dataset);
  const bench::SampleSettings sampled = bench::sample_flags(run.flags());
  const Settings settings = settings_flags(run.flags(), images.dataset);
  const bench::ImageSet set = images.load(run);
  Learner learner{.generator = networks.generator(run.random()),
                  .latent = networks.latent,
                  .batches = data::Batches(set.images, run.batch_size(), run.seed(), set.kRange),
                  .x = run.slot(set.shape().batch_of(run.batch_size()))};
  bench::ImageSamples samples(run, learner.generator, learner.latent, sampled, set.image_shape(), set.kRange,
                              [&] { return networks.generator(run.random()); });
  learn(
      run, learner, settings, [&] { samples.follow(); }, [] {});
  report(run, settings);
}

/// With the networks and the mixture of Fatras et al., who draw batches of 100.
void learn_points(bench::Experiment& run) {
  const std::vector<data::Cluster> modes = bench::ring_flags(run.flags(), 2, 0.141421);
  const Settings settings = settings_flags(run.flags(), "mixture");
  const int64_t points =
      run.flags().integer({"points", "COUNT", "mixture: of either side that the samples are looked at on"}, 1000, 1);
  const models::MixtureNetworks networks{.latent = 10, .hidden = {128, 32}};
  Learner learner{.generator = models::mixture_generator(run.random(), networks),
                  .latent = networks.latent,
                  .batches = data::Batches(modes, run.batch_size(), run.seed()),
                  .x = run.slot({run.batch_size(), 2})};
  const data::Points real = data::mixture_sample(modes, points, ~run.seed(), 0);
  const Tensor x = Tensor::from_host(run.device(), {real.count, real.features}, real.values);
  const Tensor noise = run.noise({points, networks.latent});
  run.every(run.samples_every(), [&] {
    run.save_points("data", x);
    run.save_points("generated", learner.generator(noise));
  });
  learn(
      run, learner, settings, [] {},
      [&] {
        const Tensor y = learner.generator(noise);
        const bench::ModeCoverage coverage = bench::mode_coverage(modes, y.to_host());
        run.measure({{"modes", static_cast<double>(coverage.covered)},
                     {"near", coverage.near},
                     {"exact_samples", bench::exact_w1(x, y)}});
      });
  report(run, settings);
}

void train(bench::Experiment& run) {
  const bench::ImageSetFlags images(run.flags(), {"celeba", "cifar-10", "mixture"});
  if (run.batch_size() > kMostAssigned)
    throw UsageError("--batch " + std::to_string(run.batch_size()) + ": batches have up to " +
                     std::to_string(kMostAssigned) + " points; give a smaller one");
  if (images.dataset != "mixture") return learn_images(run, images);
  for (const char* name : {"images", "crop"})
    if (run.flags().given(name)) throw UsageError("--" + std::string(name) + " is not of --dataset mixture");
  learn_points(run);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wgan_fail/sinkhorn_generator",
                           .summary = "a generator that descends the Sinkhorn divergence of batches, without a critic",
                           .iterations = 20'000,
                           .batch = 64,
                           .samples_every = 500};
  return bench::run_experiment(about, argc, argv, train);
}
