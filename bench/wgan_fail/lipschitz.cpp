#include "models/lipschitz.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "bench/games/gan.h"
#include "bench/games/wgan.h"
#include "bench/harness/printed.h"
#include "bench/harness/statistics.h"
#include "bench/wgan_fail/ring_comparison.h"
#include "engine/ops/view.h"
#include "models/mixture.h"

// Paper 004, figures 17 and 18: on a ring of eight normal distributions in the plane, a WGAN and a GAN whose critic is
// Lipschitz by its architecture, beside WGAN-GP and a GAN with an ordinary critic. Is it being Lipschitz that makes a
// critic a good one, whatever the loss?
//
// The paper gives pictures alone, and names no sizes and no settings. Here the members of a pair differ in the critic
// only: three hidden layers of as many units, with MaxMin between orthonormal weights, or with ReLU. Now and then, on
// as many fresh real points as generated ones: `exact`, W1 between them, certified, beside `sampling`, W1 between two
// sets of as many real points, which no generator gets below; how many modes are covered, and the share of the
// generated points that are near one; `slope`, the critic's steepest between real and generated points, and `dual`,
// mean D(x) - mean D(y), which lies below W1 if the critic is 1-Lipschitz.

using namespace wasserkern;
using bench::printed;

namespace {

constexpr int64_t kShown = 500;    // points of either side in a picture
constexpr int64_t kGridSide = 81;  // points at which the critic's level lines are found, squared

struct Settings {
  std::string model;
  bool is_gan, is_lipschitz;
  int64_t critic_steps, width, orthonormalisations;
  AdamOptions critic{.beta1 = 0.5f}, generator{.beta1 = 0.5f};
  float penalty, lipschitz;
};

Settings settings_flags(bench::Flags& flags) {
  const auto number = [&](const bench::Flag& flag, double value) {
    return static_cast<float>(flags.number(flag, value));
  };
  Settings settings;
  settings.model =
      flags.choice({"model", "", "what is trained"}, {"wgan-gp", "lipschitz-wgan", "gan", "lipschitz-gan"});
  settings.is_gan = settings.model == "gan" || settings.model == "lipschitz-gan";
  settings.is_lipschitz = settings.model.starts_with("lipschitz");
  settings.critic_steps =
      flags.integer({"critic-steps", "STEPS", "of the critic per iteration"}, settings.is_gan ? 1 : 5, 1);
  settings.width = flags.integer({"width", "UNITS", "of each of the networks' three hidden layers"}, 128, 1);
  settings.generator.rate = number({"rate", "NUMBER", "step size of the generator's Adam"}, 1e-4);
  settings.critic.rate = number({"critic-rate", "NUMBER", "of the critic's"}, 1e-3);
  settings.generator.beta2 = settings.critic.beta2 =
      number({"adam-beta2", "NUMBER", "decay of the mean square of both"}, 0.9);
  settings.penalty = number({"penalty", "NUMBER", "wgan-gp: lambda, the weight of the penalty"}, 0.1);
  settings.lipschitz =
      number({"lipschitz", "NUMBER", "lipschitz-wgan, lipschitz-gan: the critic's Lipschitz constant"}, 1);
  settings.orthonormalisations = flags.integer(
      {"orthonormalisations", "COUNT", "lipschitz-wgan, lipschitz-gan: iterations that make weights orthonormal"}, 20,
      1);
  for (const char* name : {"lipschitz", "orthonormalisations"})
    if (flags.given(name) && !settings.is_lipschitz)
      throw UsageError("--" + std::string(name) + " is of --model lipschitz-wgan and lipschitz-gan");
  if (flags.given("penalty") && settings.model != "wgan-gp") throw UsageError("--penalty is of --model wgan-gp");
  if (settings.penalty < 0) throw UsageError("--penalty must not be negative");
  if (!(settings.lipschitz > 0)) throw UsageError("--lipschitz must be positive");
  return settings;
}

models::Network make_critic(Random& random, const Settings& settings) {
  const int64_t width = settings.width;
  if (!settings.is_lipschitz) return models::mixture_critic(random, {.hidden = {width, width, width}});
  return models::lipschitz_mlp(
      random, {.width = width, .rule = {.iterations = settings.orthonormalisations}, .lipschitz = settings.lipschitz});
}

void train_game(bench::Experiment& run, bench::Game& game, const Settings& of, const bench::GameWatch& watch) {
  if (of.is_gan)
    bench::train_game(
        run, game,
        bench::NonSaturatingGan{
            .critic_steps = of.critic_steps, .together = true, .critic = of.critic, .generator = of.generator},
        watch);
  else if (of.is_lipschitz)
    bench::train_game(
        run, game,
        bench::LipschitzWgan{.critic_steps = of.critic_steps, .critic = of.critic, .generator = of.generator}, watch);
  else
    bench::train_game(
        run, game,
        bench::PenalisedWgan{
            .critic_steps = of.critic_steps, .weight = of.penalty, .critic = of.critic, .generator = of.generator},
        watch);
}

class Measures {
 public:
  Measures(bench::Experiment& run, const std::vector<data::Cluster>& modes, int64_t points)
      : run_(run), modes_(std::ssize(modes)), points_(points), compared_(run, modes, points) {}

  void record(const bench::Game& game) {
    if (const auto found = compared_(game))
      run_.measure({{"exact", found->exact},
                    {"dual", found->difference},
                    {"sampling", found->sampling},
                    {"modes", static_cast<double>(found->coverage.covered)},
                    {"near", found->coverage.near},
                    {"slope", found->slope}});
  }

  bench::ResultTable table(const Settings& settings) const {
    bench::ResultTable table{.title = "paper 004, figure " + std::string(settings.is_gan ? "18" : "17") + ": " +
                                      settings.model + " by " + std::to_string(points_) + " points of either side",
                             .header = {"quantity", "at the end", "mean of the last tenth", "paper's picture"},
                             .rows = {}};
    const auto row = [&](const std::string& name, const std::string& column, const std::string& published = "") {
      const auto rows = run_.measured(column);
      table.rows.push_back(
          {name, printed("%.4g", rows.back().second), printed("%.4g", bench::mean_of_last_tenth(rows)), published});
    };
    const std::string success = settings.is_lipschitz ? "better" : "worse";
    row("exact W1", "exact");
    row("mean D(x) - mean D(y)", "dual");
    row("W1 of two real samples", "sampling");
    row("modes covered, of " + std::to_string(modes_), "modes", success);
    row("share near a mode", "near", success);
    row("critic's Lipschitz estimate", "slope", settings.is_lipschitz && settings.lipschitz == 1 ? "at most 1" : "");
    return table;
  }

 private:
  bench::Experiment& run_;
  int64_t modes_, points_;
  bench::RingComparison compared_;
};

/// Points of a square around the ring, [kGridSide^2, 2].
Tensor grid_around(Device& device, const std::vector<data::Cluster>& modes) {
  float reach = 0;
  for (const data::Cluster& mode : modes) reach = std::max({reach, std::abs(mode.mean[0]), std::abs(mode.mean[1])});
  const auto place = [&](int64_t i) { return 1.5f * reach * (2 * static_cast<float>(i) / (kGridSide - 1) - 1); };
  std::vector<float> values;
  for (int64_t i = 0; i < kGridSide; ++i)
    for (int64_t j = 0; j < kGridSide; ++j) values.insert(values.end(), {place(j), place(i)});
  return Tensor::from_host(device, {kGridSide * kGridSide, 2}, values);
}

void train(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const Settings settings = settings_flags(flags);
  const std::vector<data::Cluster> modes = bench::ring_flags(flags);
  const auto every = static_cast<uint64_t>(
      flags.integer({"measure-every", "ITERATIONS", "W1 and the modes are looked at every so many"}, 100, 1));
  const int64_t points = flags.integer({"points", "COUNT", "of either side that they are looked at on"}, 1000, 1);

  const models::MixtureNetworks networks{.hidden = {settings.width, settings.width, settings.width}};
  bench::Game game{.critic = make_critic(run.random(), settings),
                   .generator = models::mixture_generator(run.random(), networks),
                   .batches = data::Batches(modes, run.batch_size(), run.seed()),
                   .x = run.slot({run.batch_size(), 2}),
                   .latent = networks.latent};
  const data::Points shown = data::mixture_sample(modes, kShown, ~run.seed(), 0);
  const Tensor real = Tensor::from_host(run.device(), {shown.count, shown.features}, shown.values);
  const Tensor noise = run.noise({kShown, game.latent}), grid = grid_around(run.device(), modes);

  run.every(run.samples_every(), [&] {
    run.save_points("data", real);
    run.save_points("generated", game.generator(noise));
    run.save_points("critic", reshape(game.critic(grid), {kGridSide, kGridSide}));
  });
  Measures measures(run, modes, points);
  train_game(run, game, settings, {.iterated = [&] {
               if (run.step() % every == 0) measures.record(game);
             }});
  if (run.step() >= every) run.results(measures.table(settings));
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{
      .name = "wgan_fail/lipschitz",
      .summary =
          "WGAN and GAN with a critic that is Lipschitz by its architecture, and without, on a ring of eight "
          "normal distributions",
      .iterations = 5000,
      .batch = 256};
  return bench::run_experiment(about, argc, argv, train);
}
