#include "bench/wgan_fail/static_estimate.h"

// Paper 004, figures 2 and 3: does the critic of a WGAN-GP, trained on batches as in the GAN but with the generator
// frozen, find the Wasserstein distance? Divided by its steepest slope, which can only flatter it, the estimate stays
// an order of magnitude below the distance of the two sets, whatever the weight of the penalty (figure 3: one run for
// each
// --penalty) or anything else (figure 2: one run for each --draw).

using namespace wasserkern;

int main(int argc, char** argv) {
  const bench::About about{.name = "wgan_fail/oracle",
                           .summary = "W1 between two fixed sets of images, by the critic of a WGAN-GP",
                           .iterations = 300'000,
                           .batch = 0,
                           .iteration = "updates of the critic"};
  return bench::run_experiment(about, argc, argv, [](bench::Experiment& run) {
    bench::estimate_static(run, {.figure = "figure 3",
                                 .paper = "an order of magnitude below",
                                 .exact = "41.21",
                                 .points = 10'000,
                                 .batch = 64,
                                 .may_draw = true});
  });
}
