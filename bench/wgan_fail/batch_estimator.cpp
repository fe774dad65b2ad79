#include <optional>
#include <string>

#include "bench/harness/experiment.h"
#include "bench/harness/printed.h"
#include "bench/wgan_fail/batch_game.h"
#include "kernels/error.h"

// Paper 004, section 4.2, figures 6 and 7, and the generator of figure 12: does a WGAN's loss estimate the distance of
// the batches that it sees? That of a c-transform WGAN should lie on their exact W1, that of WGAN-GP should not, and
// the samples of the first should be the blurry ones.
//
// The c-transform's minimum is over the real batch, which makes the loss at most W1. The paper prints the generated
// one, --search-space generated, over which nothing bounds it.

using namespace wasserkern;
using bench::printed;

namespace {

bench::BatchGame game_flags(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const bool is_transform = flags.choice({"model", "", "what is trained"}, {"c-transform", "wgan-gp"}) == "c-transform";
  const std::string space = flags.choice({"search-space", "", "c-transform: the batch whose points it minimises over"},
                                         {"real", "generated"});
  const double weight = flags.number({"penalty", "NUMBER", "wgan-gp: lambda, the weight of the gradient penalty"}, 10);
  if (weight < 0) throw UsageError("--penalty must not be negative");
  if (is_transform && flags.given("penalty")) throw UsageError("--penalty is of --model wgan-gp");
  if (!is_transform && flags.given("search-space")) throw UsageError("--search-space is of --model c-transform");

  std::optional<losses::QpWgan> transform;
  if (is_transform)
    transform = {.cost = LqCost{.q = 2, .p = 1},
                 .search_space = space == "real" ? losses::SearchSpace::Real : losses::SearchSpace::Generated};
  bench::BatchGame game = bench::batch_game_flags(run, transform);
  game.penalty_weight = static_cast<float>(weight);
  return game;
}

void compare(bench::Experiment& run) {
  const bench::BatchGame game = game_flags(run);
  const bench::BatchComparison found = bench::train_batch_game(run, game);
  const bool lies_on = game.transform.has_value();
  run.results({.title = "paper 004, figure 6: the loss of a " + std::string(lies_on ? "c-transform WGAN" : "WGAN-GP") +
                        " and the exact W1 of its batches of " + std::to_string(run.batch_size()),
               .header = {"quantity", "ours", "paper, of its picture"},
               .rows = {{"loss, mean of the last tenth", printed("%.4g", found.objective), ""},
                        {"exact W1, the same", printed("%.4g", found.exact), ""},
                        {"loss / W1, the same", printed("%.3f", found.objective / found.exact),
                         lies_on ? "approximates very accurately" : "not accurate"},
                        {"loss, last tenth / first", printed("%.3f", found.objective / found.first_objective),
                         lies_on ? "" : "does not decrease"},
                        {"W1, last tenth / first", printed("%.3f", found.exact / found.first_exact), ""},
                        {"correlation of loss and W1, last half", printed("%.3f", found.correlation), ""},
                        {"largest loss - W1", printed("%.4g", found.largest_excess), ""}}});
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wgan_fail/batch_estimator",
                           .summary = "the loss of a c-transform WGAN or a WGAN-GP, beside the exact W1 of its batches",
                           .iterations = 20'000,
                           .batch = 64,
                           .samples_every = 500};
  return bench::run_experiment(about, argc, argv, compare);
}
