#include "bench/wgan_fail/static_estimate.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "bench/harness/printed.h"
#include "bench/wgan_fail/lipschitz_estimate.h"
#include "bench/wgan_fail/pair_critic.h"
#include "bench/wgan_fail/pair_training.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/wgan.h"

namespace wasserkern::bench {
namespace {

/// What figure 2 varies; WGAN-GP's own values by default.
struct HyperParameters {
  double penalty = 10;
  double rate = 1e-4;
  int64_t batch = 64;
  std::string architecture = "dcgan";
};

/// One of the configurations of figure 2, by its number. The paper does not say what ranges it drew from.
HyperParameters drawn(int64_t number) {
  std::mt19937_64 source(static_cast<uint64_t>(number));
  const auto uniform = [&] { return static_cast<double>(source() >> 11) * 0x1p-53; };
  const auto one_of = [&](const auto& choices) {
    return choices[static_cast<size_t>(uniform() * static_cast<double>(choices.size()))];
  };
  return {.penalty = std::pow(10, 3 * uniform()),
          .rate = one_of(std::vector{1e-5, 5e-5, 1e-4, 5e-4, 1e-3}),
          .batch = one_of(std::vector<int64_t>{32, 64, 128, 256}),
          .architecture = one_of(std::vector<std::string>{"dcgan", "mlp", "resnet"})};
}

/// What a critic says of the distance between all points.
struct Estimate {
  double value;      // mean D(x) - mean D(y)
  double lipschitz;  // the steepest slope between pairs of points

  double normalised() const { return value / lipschitz; }
};

class Estimator {
 public:
  Estimator(Experiment& run, const ImagePair& pair, const models::Model& critic)
      // With a seed of its own: measuring changes nothing in what is trained.
      : run_(run),
        critic_(critic),
        x_(pair.on(run.device(), pair.x)),
        y_(pair.on(run.device(), pair.y)),
        between_(run.device(), ~run.seed()) {}

  Estimate estimate() {
    constexpr int64_t kAtOnce = 500;
    const int64_t count = x_.shape().rows();
    Estimate estimate{0, 0};
    const TapeOff constants;
    between_.begin_step(run_.step());
    for (int64_t from = 0; from < count; from += kAtOnce) {
      const int64_t to = std::min(from + kAtOnce, count);
      const Tensor x = x_.viewed_rows(from, to), y = y_.viewed_rows(from, to);
      for (const float potential : critic_(x).to_host()) estimate.value += potential;
      for (const float potential : critic_(y).to_host()) estimate.value -= potential;
      estimate.lipschitz = std::max(estimate.lipschitz, lipschitz_estimate(critic_, interpolate(x, y, between_)));
    }
    between_.end_step();
    estimate.value /= static_cast<double>(count);
    return estimate;
  }

 private:
  Experiment& run_;
  models::Model critic_;
  Tensor x_, y_;
  Random between_;
};

ResultTable table_of(const StaticEstimate& experiment, const ImagePair& pair, const Estimate& estimate, double exact,
                     double penalty, int64_t updates) {
  const std::string side = std::to_string(pair.side());
  return {.title = "paper 004, " + experiment.figure + ": W1 of two sets of " + std::to_string(pair.count()) +
                   " images, estimated by the critic of a WGAN-GP, lambda " + printed("%g", penalty) + ", " +
                   std::to_string(updates) + " updates",
          .header = {"quantity", "ours", "paper", "what differs"},
          .rows = {{"W1, exact", printed("%.3f", exact), experiment.exact, side + " x " + side + " pixels in [-1,1]"},
                   {"mean D(x) - mean D(y)", printed("%.3f", estimate.value), "", ""},
                   {"steepest slope of D", printed("%.3f", estimate.lipschitz), "", "on lines between pairs"},
                   {"estimate over slope", printed("%.3f", estimate.normalised()), experiment.paper,
                    "architecture, updates"},
                   {"W1 over that", printed("%.2f", exact / estimate.normalised()), "", ""}}};
}

}  // namespace

void estimate_static(Experiment& run, const StaticEstimate& experiment) {
  Flags& flags = run.flags();
  const ImagePairFlags pair_flags(flags, experiment.points);
  HyperParameters start{.batch = experiment.batch};
  if (experiment.may_draw) {
    const int64_t number = flags.integer(
        {"draw", "NUMBER", "of a random configuration of figure 2, which the flags below start from; 0: none"}, 0, 0);
    if (number > 0) start = drawn(number);
  }
  const double penalty =
      flags.number({"penalty", "NUMBER", "lambda, the weight of the gradient penalty"}, start.penalty);
  PairTraining training;
  training.adam.rate = static_cast<float>(flags.number({"rate", "NUMBER", "Adam's step size"}, start.rate));
  training.batch = flags.integer({"batch", "COUNT", "images of each set per update"}, start.batch, 1);
  const PairCritic kind = pair_critic_flags(flags, start.architecture);
  training.measure_every =
      flags.integer({"measure-every", "STEPS", "updates between two looks at all points"}, 1000, 1);
  if (!(penalty >= 0)) throw UsageError("--penalty must not be negative");

  const ImagePair pair = pair_flags.load(run);
  const models::Model critic = kind.make(run.random(), pair.side());
  const double exact = exact_distance(run, pair);
  Estimator estimator(run, pair, critic);
  const losses::GradientPenalty two_sided;
  training.loss = [&](const Tensor& x, const Tensor& y) {
    const Tensor loss = losses::wgan_critic_loss(critic, x, y);
    const Tensor excess = two_sided(critic, interpolate(x, y, run.random()));
    run.record({{"distance", -loss}, {"penalty", excess}});
    return loss + static_cast<float>(penalty) * excess;
  };
  training.measured = [&] {
    const Estimate estimate = estimator.estimate();
    run.measure({{"estimate", estimate.value},
                 {"lipschitz", estimate.lipschitz},
                 {"normalised", estimate.normalised()},
                 {"exact", exact}});
  };
  train_on_pair(run, pair, critic, training);
  run.results(table_of(experiment, pair, estimator.estimate(), exact, penalty, run.iterations()));
}

}  // namespace wasserkern::bench
