#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "bench/games/wgan.h"
#include "bench/harness/printed.h"
#include "bench/harness/statistics.h"
#include "bench/wgan_fail/ring_comparison.h"
#include "models/mixture.h"

// Paper 004, figures 4 and 5: WGAN-GP on a ring of eight normal distributions in the plane. While it learns, is its
// loss the W1 between real and generated points?
//
// The networks and the settings are those of WGAN-GP's authors for this mixture; the paper names none. Now and then, on
// as many fresh real points as generated ones: `loss`, mean D(x) - mean D(y); `slope`, the critic's steepest between
// these points, where its penalty looks; `normalised`, the one over the other, which is what the critic says of W1; and
// `exact`, what W1 between these points is, certified. Beside it is `sampling`, W1 between two sets of as many real
// points: what the choice of the points alone makes of it, which no generator gets below and no critic can see.

using namespace wasserkern;
using bench::printed;

namespace {

constexpr int64_t kShown = 250;  // points of either side in figure 4

class Tracking {
 public:
  Tracking(bench::Experiment& run, const std::vector<data::Cluster>& modes, int64_t points)
      : run_(run), modes_(std::ssize(modes)), points_(points), compared_(run, modes, points) {}

  void record(const bench::Game& game) {
    const auto found = compared_(game);
    if (!found) return;
    const auto [loss, slope] = std::pair(found->difference, found->slope);
    run_.measure({{"loss", loss},
                  {"slope", slope},
                  {"normalised", slope > 0 ? loss / slope : 0},  // of a flat critic
                  {"exact", found->exact},
                  {"sampling", found->sampling},
                  {"modes", static_cast<double>(found->coverage.covered)},
                  {"near", found->coverage.near}});
  }

  bench::ResultTable table(float penalty) const {
    bench::ResultTable table{.title = "paper 004, figure 5: WGAN-GP with lambda = " + printed("%g", penalty) + ", " +
                                      std::to_string(points_) + " points of either side",
                             .header = {"quantity", "at the end", "mean of the last tenth", "paper, at the end"},
                             .rows = {}};
    const auto row = [&](const std::string& name, const Summary& summary, const std::string& published = "") {
      table.rows.push_back({name, printed("%.4g", summary.last), printed("%.4g", summary.mean), published});
    };
    const Summary normalised = summary("normalised"), exact = summary("exact");
    row("loss", summary("loss"));
    row("Lipschitz estimate", summary("slope"));
    row("normalised loss", normalised);
    row("exact W1", exact);
    row("W1 of two real samples", summary("sampling"));
    row("exact W1 over normalised loss", {exact.last / normalised.last, exact.mean / normalised.mean}, "6.92");
    row("modes covered, of " + std::to_string(modes_), summary("modes"));
    row("share near a mode", summary("near"));
    return table;
  }

 private:
  struct Summary {
    double last, mean;
  };

  Summary summary(const std::string& column) const {
    const auto rows = run_.measured(column);
    return {rows.back().second, bench::mean_of_last_tenth(rows)};
  }

  bench::Experiment& run_;
  int64_t modes_, points_;
  bench::RingComparison compared_;
};

void train(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const std::vector<data::Cluster> modes = bench::ring_flags(flags);
  bench::PenalisedWgan wgan;
  wgan.weight = static_cast<float>(flags.number({"penalty", "NUMBER", "lambda, the weight of the penalty"}, 0.1));
  wgan.critic_steps = flags.integer({"critic-steps", "STEPS", "of the critic per iteration"}, 5, 1);
  wgan.critic.rate = static_cast<float>(flags.number({"rate", "NUMBER", "Adam's step size"}, 1e-4));
  wgan.critic.beta1 = 0.5f;
  wgan.generator = wgan.critic;
  const int64_t width = flags.integer({"width", "UNITS", "of each of the networks' three hidden layers"}, 512, 1);
  const auto every = static_cast<uint64_t>(
      flags.integer({"measure-every", "ITERATIONS", "W1 is compared with the loss every so many"}, 50, 1));
  const int64_t points = flags.integer({"points", "COUNT", "of either side that they are compared on"}, 1000, 1);
  if (wgan.weight < 0) throw UsageError("--penalty must not be negative");

  const models::MixtureNetworks networks{.hidden = {width, width, width},
                                         .initialisation = models::Initialisation::Dcgan};
  bench::Game game{.critic = models::mixture_critic(run.random(), networks),
                   .generator = models::mixture_generator(run.random(), networks),
                   .batches = data::Batches(modes, run.batch_size(), run.seed()),
                   .x = run.slot({run.batch_size(), 2}),
                   .latent = networks.latent};
  const data::Points shown = data::mixture_sample(modes, kShown, ~run.seed(), 0);
  const Tensor real = Tensor::from_host(run.device(), {shown.count, shown.features}, shown.values);
  const Tensor noise = run.noise({kShown, game.latent});

  run.every(run.samples_every(), [&] {
    run.save_points("data", real);
    run.save_points("generated", game.generator(noise));
  });
  Tracking tracking(run, modes, points);
  bench::train_game(run, game, wgan, {.iterated = [&] {
                      if (run.step() % every == 0) tracking.record(game);
                    }});
  if (run.step() >= every) run.results(tracking.table(wgan.weight));
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{
      .name = "wgan_fail/tracking",
      .summary = "the loss of WGAN-GP beside the exact W1, on a ring of eight normal distributions",
      .iterations = 10'000,
      .batch = 256};
  return bench::run_experiment(about, argc, argv, train);
}
