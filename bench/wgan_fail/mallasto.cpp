#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/printed.h"
#include "bench/harness/statistics.h"
#include "bench/wgan_fail/batch_distance.h"
#include "bench/wgan_fail/image_pair.h"
#include "bench/wgan_fail/pair_critic.h"
#include "bench/wgan_fail/pair_training.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/qp_wgan.h"
#include "losses/objectives/wgan.h"

// Paper 004, algorithm 6, the experiment of Mallasto et al. 2019: a critic learns from batches of two fixed sets, and
// is then asked for the distance of batches that it may not have seen together, beside the exact W1 of each. This is
// the batch distance, not that of the sets, and critics that are tied down by a c-transform get far nearer to it than
// those that are kept Lipschitz by a penalty or by clipping. Not all of that is theirs: the c-transform of D = 0
// already has the distances to the nearest image of a batch, so that the table has what no critic at all would say.

using namespace wasserkern;
using bench::printed;

namespace {

constexpr LqCost kEuclidean{.q = 2, .p = 1};

/// How a critic's V is taken, and what keeps it from growing without bound.
struct Estimator {
  std::string model;
  std::optional<losses::QpWgan> transform;
  losses::GradientPenalty penalty;
  float weight;  // of the penalty
  float clip;
  float potential_scale;  // of a transform

  bool penalises() const { return model == "wgan-gp" || model == "wgan-lp"; }
  bool clips() const { return model == "wgan"; }

  /// V(D, x, y), a scalar.
  Tensor value(const losses::Critic& critic, const Tensor& x, const Tensor& y) const {
    return transform ? transform->critic_loss(critic, x, y).dual : -losses::wgan_critic_loss(critic, x, y);
  }
};

Estimator estimator_flags(bench::Flags& flags) {
  Estimator estimator;
  const auto number = [&](const bench::Flag& flag, double value) {
    return static_cast<float>(flags.number(flag, value));
  };
  estimator.model = flags.choice({"model", "",
                                  "what keeps the critic in bounds: a two-sided or one-sided penalty, "
                                  "clipped weights, or the c-transform or its soft form"},
                                 {"wgan-gp", "wgan-lp", "wgan", "c-transform", "soft-c-transform"});
  estimator.weight = number({"penalty", "NUMBER", "wgan-gp, wgan-lp: lambda, the weight of the gradient penalty"}, 10);
  estimator.clip = number({"clip", "NUMBER", "wgan: the critic's weights stay within plus and minus this"}, 0.01);
  const float epsilon = number({"epsilon", "NUMBER", "soft-c-transform: of the (c, epsilon)-transform"}, 0.1);
  estimator.potential_scale =
      number({"potential-scale", "NUMBER", "c-transforms: the potential is this many times the critic's output"}, 1);

  const bool soft = estimator.model == "soft-c-transform", transforms = soft || estimator.model == "c-transform";
  const auto only = [&](const char* name, bool applies, const std::string& of) {
    if (flags.given(name) && !applies) throw UsageError(std::string("--") + name + " is of --model " + of);
  };
  only("penalty", estimator.penalises(), "wgan-gp and wgan-lp");
  only("clip", estimator.clips(), "wgan");
  only("epsilon", soft, "soft-c-transform");
  only("potential-scale", transforms, "c-transform and soft-c-transform");
  if (!(estimator.weight >= 0)) throw UsageError("--penalty must not be negative");
  if (!(estimator.clip > 0 && epsilon > 0 && estimator.potential_scale > 0))
    throw UsageError("--clip, --epsilon and --potential-scale must be positive");

  if (estimator.model == "wgan-lp") estimator.penalty.sides = losses::GradientPenalty::Sides::One;
  if (transforms) estimator.transform = {.cost = kEuclidean, .epsilon = soft ? epsilon : 0};
  return estimator;
}

/// Estimates beside what they estimate, over some pairs of batches.
struct Comparison {
  double estimate, exact;  // means
  double deviation;        // of the estimates from the exact values, root of the mean square
  double correlation;
};

Comparison compared(const std::vector<float>& estimates, const std::vector<float>& exact) {
  double square = 0;
  for (size_t i = 0; i < exact.size(); ++i) square += std::pow(estimates[i] - exact[i], 2);
  return {.estimate = bench::mean(estimates),
          .exact = bench::mean(exact),
          .deviation = std::sqrt(square / static_cast<double>(exact.size())),
          .correlation = bench::correlation(estimates, exact)};
}

/// Pairs of batches that no update sees as such, the same at every look: of a seed of their own.
class Batches {
 public:
  Batches(bench::Experiment& run, const bench::ImagePair& pair, int64_t batch, int64_t count)
      : device_(run.device()), shape_(pair.shape().batch_of(batch)) {
    const uint64_t seed = run.seed() ^ 0x9e3779b97f4a7c15u;
    data::Batches x(pair.x, batch, seed, pair.kRange), y(pair.y, batch, ~seed, pair.kRange);
    for (int64_t i = 0; i < count; ++i) {
      x_.push_back(drawn(x));
      y_.push_back(drawn(y));
      exact_.push_back(static_cast<float>(bench::batch_w1(x_.back(), y_.back()).certified_values()[0]));
    }
  }

  Comparison compare(const Estimator& estimator, const losses::Critic& critic) const {
    const TapeOff constants;
    std::vector<float> estimates;
    for (size_t i = 0; i < x_.size(); ++i) estimates.push_back(estimator.value(critic, x_[i], y_[i]).item());
    return compared(estimates, exact_);
  }

 private:
  Tensor drawn(data::Batches& batches) const { return Tensor::from_host(device_, shape_, batches.next()); }

  Device& device_;
  Shape shape_;
  std::vector<Tensor> x_, y_;
  std::vector<float> exact_;
};

void compare(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const bench::ImagePairFlags pair_flags(flags, 10'000);
  const Estimator estimator = estimator_flags(flags);
  const bench::PairCritic kind = bench::pair_critic_flags(flags, "dcgan");
  bench::PairTraining training{.batch = run.batch_size()};
  training.adam.rate = static_cast<float>(flags.number({"rate", "NUMBER", "Adam's step size"}, 1e-4));
  training.measure_every = flags.integer({"measure-every", "STEPS", "updates between two comparisons"}, 500, 1);
  const int64_t pairs = flags.integer({"pairs", "COUNT", "M, pairs of batches that are compared"}, 100, 2);
  if (training.batch > std::min(kMostAssigned, pair_flags.points))
    throw UsageError("--batch " + std::to_string(training.batch) + ": batches have up to " +
                     std::to_string(std::min(kMostAssigned, pair_flags.points)) + " images; give a smaller one");

  const bench::ImagePair pair = pair_flags.load(run);
  const models::Model critic = kind.make(run.random(), pair.side());
  const losses::Critic potential = losses::scaled(critic, estimator.potential_scale);
  const Batches batches(run, pair, training.batch, pairs);
  training.loss = [&](const Tensor& x, const Tensor& y) {
    const Tensor value = estimator.value(potential, x, y);
    run.record({{"distance", value}});
    if (!estimator.penalises()) return -value;
    const Tensor penalty = estimator.penalty(potential, interpolate(x, y, run.random()));
    run.record({{"penalty", penalty}});
    return estimator.weight * penalty - value;
  };
  if (estimator.clips()) training.stepped = [&] { clip_weights(critic.parameters(), estimator.clip); };
  training.measured = [&] {
    const Comparison now = batches.compare(estimator, potential);
    run.measure({{"estimate", now.estimate},
                 {"exact", now.exact},
                 {"deviation", now.deviation},
                 {"correlation", now.correlation}});
  };
  bench::train_on_pair(run, pair, critic, training);

  const Comparison last = batches.compare(estimator, potential);
  const auto flat = [](const Tensor& points) { return Tensor::full(points.device(), {points.shape().rows(), 1}, 0); };
  const double of_none = batches.compare(estimator, flat).estimate;
  run.results(
      {.title = "paper 004, algorithm 6: W1 of " + std::to_string(pairs) + " pairs of batches of " +
                std::to_string(training.batch) + " images, by the critic of a " + estimator.model + " after " +
                std::to_string(run.iterations()) + " updates",
       .header = {"quantity", "ours", "paper"},
       .rows = {{"W1, exact, mean", printed("%.3f", last.exact), ""},
                {"V, mean", printed("%.3f", last.estimate), estimator.transform ? "close to W1" : "far from W1"},
                {"V of D = 0, mean", printed("%.3f", of_none), ""},
                {"V over W1", printed("%.3f", last.estimate / last.exact), ""},
                {"V - W1, root of the mean square", printed("%.3f", last.deviation), ""},
                {"correlation of both", printed("%.3f", last.correlation), ""}}});
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wgan_fail/mallasto",
                           .summary = "W1 between batches of two fixed sets of images, by several kinds of critics",
                           .iterations = 10'000,
                           .batch = 64,
                           .iteration = "updates of the critic",
                           .batch_counts = "images of each set per batch"};
  return bench::run_experiment(about, argc, argv, compare);
}
