#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bench/games/game.h"
#include "bench/wgan_fail/lipschitz_estimate.h"
#include "bench/wgan_fail/mixture_measures.h"
#include "engine/ops/interpolate.h"
#include "engine/tape.h"
#include "losses/objectives/wgan.h"

namespace wasserkern::bench {

/// What a critic and a generator on a ring of modes are worth at an iteration, by fresh real points and as many
/// generated ones. Drawn with a seed of its own: comparing changes nothing in what is trained. Between phases.
class RingComparison {
 public:
  struct Found {
    double difference;      // mean D(x) - mean D(y)
    double slope;           // the critic's steepest between x and y
    double exact;           // W1 between them, certified
    double sampling;        // the same of two sets of real points, which no generator gets below and no critic can see
    ModeCoverage coverage;  // by the generated points
  };

  RingComparison(Experiment& run, std::vector<data::Cluster> modes, int64_t points)
      : run_(run), modes_(std::move(modes)), points_(points), fresh_(run.device(), ~run.seed()) {}

  /// None where training diverged: its own values stop the run, and say what to do.
  std::optional<Found> operator()(const Game& game) {
    const TapeOff off;
    fresh_.begin_step(run_.step());
    const Tensor y = game.generator(fresh_.normal({points_, game.latent}));
    const data::Points real = data::mixture_sample(modes_, 2 * points_, fresh_.seed(), run_.step());
    const Tensor both = Tensor::from_host(run_.device(), {real.count, real.features}, real.values);
    const Tensor x = both.viewed_rows(0, points_);
    const Tensor between = interpolate(x, y, fresh_);
    fresh_.end_step();

    const std::vector<float> generated = y.to_host();
    if (!std::ranges::all_of(generated, [](float value) { return std::isfinite(value); })) return std::nullopt;
    return Found{.difference = -losses::wgan_critic_loss(game.critic, x, y).item(),
                 .slope = lipschitz_estimate(game.critic, between),
                 .exact = exact_w1(x, y),
                 .sampling = exact_w1(x, both.viewed_rows(points_, 2 * points_)),
                 .coverage = mode_coverage(modes_, generated)};
  }

 private:
  Experiment& run_;
  std::vector<data::Cluster> modes_;
  int64_t points_;
  Random fresh_;
};

}  // namespace wasserkern::bench
