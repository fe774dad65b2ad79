#pragma once

#include <cstdint>
#include <string>

#include "bench/harness/experiment.h"

namespace wasserkern::bench {

/// What the two experiments differ in that estimate W1 between fixed sets by the critic of a WGAN-GP.
struct StaticEstimate {
  std::string figure;  // of the paper, for the table
  std::string paper;   // its estimate
  std::string exact;   // its exact distance
  int64_t points;      // of each set
  int64_t batch;       // of the points per update
  bool may_draw;       // --draw is offered
};

/// Paper 004, algorithm 2, and algorithm 5 where a batch is a whole set: trains the critic on batches of both sets, and
/// compares mean D(x) - mean D(y) over all points, divided by the critic's steepest slope, with the certified exact W1.
void estimate_static(Experiment& run, const StaticEstimate& experiment);

}  // namespace wasserkern::bench
