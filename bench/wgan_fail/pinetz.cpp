#include "bench/wgan_fail/static_estimate.h"

// Paper 004, algorithm 5, the experiment of Pinetz et al. 2019: the critic of a WGAN-GP sees all of two small sets in
// every update. Even without the choice of batches its estimate is no distance.

using namespace wasserkern;

int main(int argc, char** argv) {
  const bench::About about{
      .name = "wgan_fail/pinetz",
      .summary = "W1 between two small sets of images, by a WGAN-GP's critic that sees all of them",
      .iterations = 10'000,
      .batch = 0,
      .iteration = "updates of the critic"};
  return bench::run_experiment(about, argc, argv, [](bench::Experiment& run) {
    bench::estimate_static(
        run, {.figure = "algorithm 5", .paper = "", .exact = "", .points = 500, .batch = 500, .may_draw = false});
  });
}
