#include <cmath>
#include <string>

#include "bench/harness/experiment.h"
#include "bench/harness/printed.h"
#include "bench/wgan_fail/batch_game.h"
#include "kernels/error.h"

// Paper 004, section 6.1, figure 14: a WGAN whose critic is tied down by the (c, epsilon)-transform, D^{c,epsilon}(y) =
// -epsilon ln mean_i exp((D(x_i) - |x_i - y|) / epsilon), with an epsilon that is large beside every distance. Its
// samples should be the blurry ones of a c-transform WGAN all the same. Its loss is no estimate of W1 but of entropic
// transport, which for such an epsilon is nearly the mean distance of all pairs.

using namespace wasserkern;
using bench::printed;

namespace {

void compare(bench::Experiment& run) {
  const auto epsilon =
      static_cast<float>(run.flags().number({"epsilon", "NUMBER", "of the (c, epsilon)-transform"}, 1000));
  if (!(epsilon > 0 && std::isfinite(epsilon))) throw UsageError("--epsilon must be positive and finite");
  const losses::QpWgan transform{.cost = LqCost{.q = 2, .p = 1}, .epsilon = epsilon};
  const bench::BatchComparison found = bench::train_batch_game(run, bench::batch_game_flags(run, transform));
  run.results({.title = "paper 004, figure 14: a WGAN with the (c, epsilon)-transform, epsilon = " +
                        printed("%g", epsilon) + ", batches of " + std::to_string(run.batch_size()),
               .header = {"quantity", "ours"},
               .rows = {{"loss, mean of the last tenth", printed("%.4g", found.objective)},
                        {"mean distance of all pairs, the same", printed("%.4g", found.pairs)},
                        {"exact W1, the same", printed("%.4g", found.exact)},
                        {"loss / W1, the same", printed("%.3f", found.objective / found.exact)},
                        {"W1, last tenth / first", printed("%.3f", found.exact / found.first_exact)},
                        {"correlation of loss and W1, last half", printed("%.3f", found.correlation)}}});
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wgan_fail/soft_transform",
                           .summary = "a WGAN with the (c, epsilon)-transform, beside the exact W1 of its batches",
                           .iterations = 20'000,
                           .batch = 64,
                           .samples_every = 500};
  return bench::run_experiment(about, argc, argv, compare);
}
