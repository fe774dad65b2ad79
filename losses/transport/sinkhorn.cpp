#include "losses/transport/sinkhorn.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "engine/ops/elementwise.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"
#include "kernels/check.h"
#include "kernels/contracts.h"
#include "kernels/error.h"
#include "losses/transport/anderson.h"
#include "losses/transport/entropic_envelope.h"
#include "losses/transport/soft_transforms.h"

namespace wasserkern::losses {
namespace {

using Values = std::vector<double>;

/// The shares of a measure's points in its mass.
struct Shares {
  Values share;
  Tensor log;  // ln(n share), which adds to potentials; undefined where all are equal

  /// What the transform of a potential takes.
  Tensor weighted(const Tensor& potential, float epsilon) const {
    return log.defined() ? potential + epsilon * log : potential;
  }
  double sum(const Values& values) const {
    double total = 0;
    for (size_t i = 0; i < share.size(); ++i)
      if (share[i] > 0) total += share[i] * values[i];
    return total;
  }
};

Shares shares_of(Device& device, const char* side, const Values& mass, int64_t points) {
  const auto text = [&](const std::string& what) { return std::string("sinkhorn: ") + what + " of the " + side; };
  if (points < 1) throw ShapeError(text("no points") + "; give it one at least");
  if (mass.empty()) return {Values(static_cast<size_t>(points), 1 / static_cast<double>(points)), {}};
  check_equal(text("masses").c_str(), std::ssize(mass), points);
  double total = 0;
  for (const double value : mass) {
    if (!(value >= 0) || std::isinf(value))
      throw DataError(text("a mass of " + std::to_string(value)) + "; masses are finite and not negative");
    total += value;
  }
  if (!(total > 0) || std::isinf(total))
    throw DataError(text("masses that sum to " + std::to_string(total)) + "; give some point a mass");
  Shares shares;
  std::vector<float> log;
  for (const double value : mass) {
    shares.share.push_back(value / total);
    log.push_back(static_cast<float>(std::log(value / total * static_cast<double>(points))));
  }
  shares.log = Tensor::from_host(device, {points}, log);
  return shares;
}

Values on_host(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_host();
  return {values.begin(), values.end()};
}

Tensor on_device(Device& device, const Values& values) {
  return Tensor::from_host(device, {std::ssize(values)}, std::vector<float>(values.begin(), values.end()));
}

Values sum_of(Values x, const Values& y) {
  std::transform(x.begin(), x.end(), y.begin(), x.begin(), std::plus<>());
  return x;
}

void check_rule(const SinkhornRule& rule) {
  check_epsilon("sinkhorn", rule.epsilon);
  if (!(rule.tolerance > 0) || rule.most_iterations < 1 || !(rule.scaling > 0 && rule.scaling < 1))
    throw UsageError("sinkhorn: a tolerance of " + std::to_string(rule.tolerance) + ", at most " +
                     std::to_string(rule.most_iterations) + " iterations and epsilon scaled by " +
                     std::to_string(rule.scaling) + "; tolerance and iterations are positive, the scaling is below 1");
}

[[noreturn]] void fail_not_finite() {
  throw DataError("sinkhorn: costs or potentials that are not finite; look for NaN and infinity in the points");
}

/// sum_i a_i |1 - exp((f_i - again_i) / epsilon)|: what a coupling leaves at the sources, or takes too much.
double error_of(const Shares& shares, const Values& f, const Values& again, double epsilon) {
  double error = 0;
  for (size_t i = 0; i < f.size(); ++i) {
    if (!std::isfinite(again[i])) fail_not_finite();
    if (shares.share[i] > 0) error += shares.share[i] * std::abs(std::expm1((f[i] - again[i]) / epsilon));
  }
  return error;
}

/// Transport between two measures, or of one to itself.
struct Problem {
  Device& device;
  SoftTransforms transforms;
  Shares sources, targets;
  bool to_itself = false;

  /// As the transform for an enormous epsilon, which means over one side.
  double mean_cost() const {
    const Tensor zero = Tensor::full(device, {std::ssize(sources.share)}, 0);
    const Values means = on_host(transforms.to_targets(1e30f, zero));
    return std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(means.size());
  }
};

/// What an iteration finds out about a potential f.
struct Look {
  Values g;      // the transform of f
  Values again;  // what f should be by that
  double marginal_error = 0;
  double dual = 0;
};

/// Sinkhorn's iteration, as a sequence of potentials that no dual value falls along.
class Iteration {
 public:
  Iteration(Problem problem, const Values& start)
      : problem_(std::move(problem)),
        f_(start),
        base_f_(f_.size(), 0),
        base_g_(problem_.targets.share.size(), 0),
        mixing_(problem_.sources.share) {}

  Look look(float epsilon) const {
    const Tensor f = on_device(problem_.device, f_);
    const Tensor g = problem_.transforms.to_targets(epsilon, problem_.sources.weighted(f, epsilon));
    Look look{on_host(g), {}};
    look.again = problem_.to_itself
                     ? look.g
                     : on_host(problem_.transforms.to_sources(epsilon, problem_.targets.weighted(g, epsilon)));
    look.marginal_error = error_of(problem_.sources, f_, look.again, epsilon);
    look.dual = problem_.sources.sum(sum_of(base_f_, f_)) + problem_.targets.sum(sum_of(base_g_, look.g));
    return look;
  }

  /// Goes on, at the epsilon that was looked at: where Anderson's acceleration leads, as long as the dual value rises;
  /// where it fell, back to where Sinkhorn's step led, along which it cannot fall.
  void advance(const Look& look, float epsilon) {
    constexpr double kRounding = 1e-6;
    if (accelerated_ && !(look.dual >= last_dual_ - kRounding * epsilon)) {
      mixing_.forget();
      f_ = last_step_;
      accelerated_ = false;
      return;
    }
    last_step_ = step(look);
    last_dual_ = look.dual;
    f_ = rounded(mixing_.next(f_, last_step_));
    accelerated_ = true;
  }

  /// Goes on to another epsilon by a step of Sinkhorn's, and if it can be takes what is known off the costs: what is
  /// left to find is small, and floats have more digits for it.
  void restart(const Look& look, bool reduce) {
    f_ = step(look);
    accelerated_ = false;
    mixing_.forget();
    if (!reduce || !problem_.transforms.reducible()) return;
    const Values g = problem_.to_itself ? f_ : look.g;
    problem_.transforms = problem_.transforms.reduced(on_device(problem_.device, f_), on_device(problem_.device, g));
    base_f_ = f_;
    base_g_ = g;
    f_.assign(f_.size(), 0);
  }

  Values source_potential(const Look& look) const { return sum_of(base_f_, problem_.to_itself ? step(look) : f_); }
  Values target_potential(const Look& look) const { return sum_of(base_g_, problem_.to_itself ? step(look) : look.g); }

 private:
  static Values rounded(Values values) {
    for (double& value : values) value = static_cast<float>(value);
    return values;
  }
  /// To itself a potential goes half-way, which ends its swinging to and fro.
  Values step(const Look& look) const {
    if (!problem_.to_itself) return look.again;
    Values half = sum_of(f_, look.again);
    for (double& value : half) value /= 2;
    return rounded(half);
  }

  Problem problem_;
  Values f_;
  Values base_f_, base_g_;  // what was taken off the costs
  AndersonMixing mixing_;
  bool accelerated_ = false;
  Values last_step_;
  double last_dual_ = 0;
};

EntropicTransport solve(Problem problem, const SinkhornRule& rule, const Tensor& start) {
  constexpr double kSettled = 0.1;  // marginal error at which epsilon may fall
  check_rule(rule);
  Device& device = problem.device;
  device.forbid_in_phase("sinkhorn");
  const TapeOff off;
  const int64_t m = std::ssize(problem.sources.share);
  if (start.defined()) check_equal("sinkhorn: size of the start", start.size(), m);
  float epsilon = rule.epsilon;
  if (!start.defined() && rule.most_iterations > 1) {
    const double mean = problem.mean_cost();
    if (!std::isfinite(mean)) fail_not_finite();
    epsilon = std::max(epsilon, static_cast<float>(mean));
  }

  Iteration iteration(std::move(problem), start.defined() ? on_host(start) : Values(static_cast<size_t>(m), 0));
  EntropicTransport result;
  bool reduced = false;
  for (;;) {
    const Look look = iteration.look(epsilon);
    ++result.iterations;
    result.converged = epsilon == rule.epsilon && look.marginal_error <= rule.tolerance;
    if (result.converged || result.iterations == rule.most_iterations) {
      result.value = look.dual;
      result.marginal_error = look.marginal_error;
      result.source_potential = on_device(device, iteration.source_potential(look));
      result.target_potential = on_device(device, iteration.target_potential(look));
      return result;
    }
    const bool only_one = result.iterations + 1 == rule.most_iterations;
    const bool falls = epsilon > rule.epsilon && (look.marginal_error <= kSettled || only_one);
    if (falls) epsilon = only_one ? rule.epsilon : std::max(rule.epsilon, rule.scaling * epsilon);
    const bool reduces = epsilon == rule.epsilon && !reduced;
    if (falls || reduces)
      iteration.restart(look, reduces);
    else
      iteration.advance(look, epsilon);
    reduced |= reduces;
  }
}

EntropicMarginal marginal_of(const Measure& measure, const Tensor& potential) {
  Device& device = measure.points.device();
  const Shares shares = shares_of(device, "measure", measure.mass, measure.points.shape().rows());
  return {measure.points, potential, on_device(device, shares.share)};
}

Tensor value_on_tape(const Cost& cost, float epsilon, const Measure& sources, const Measure& targets, double value,
                     const EntropicTransport& between, const Tensor& within_sources, const Tensor& within_targets) {
  return with_envelope(cost, epsilon, Tensor::full(sources.points.device(), {}, static_cast<float>(value)),
                       {marginal_of(sources, between.source_potential), marginal_of(targets, between.target_potential),
                        within_sources, within_targets});
}

}  // namespace

EntropicTransport sinkhorn(const Cost& cost, const Measure& sources, const Measure& targets, const SinkhornRule& rule,
                           const Tensor& start, CostStorage storage) {
  Device& device = sources.points.device();
  Shares a = shares_of(device, "sources", sources.mass, sources.points.shape().rows());
  Shares b = shares_of(device, "targets", targets.mass, targets.points.shape().rows());
  return solve({device, {cost, sources.points, targets.points, storage}, std::move(a), std::move(b)}, rule, start);
}

EntropicTransport sinkhorn(const Tensor& costs, const SinkhornRule& rule, const std::vector<double>& source_mass,
                           const std::vector<double>& target_mass, const Tensor& start) {
  Device& device = costs.device();
  Shares a = shares_of(device, "sources", source_mass, costs.shape().rows());
  Shares b = shares_of(device, "targets", target_mass, costs.shape().columns());
  return solve({device, SoftTransforms(costs.detach()), std::move(a), std::move(b)}, rule, start);
}

EntropicTransport sinkhorn_to_itself(const Cost& cost, const Measure& measure, const SinkhornRule& rule,
                                     const Tensor& start, CostStorage storage) {
  Device& device = measure.points.device();
  const Shares shares = shares_of(device, "measure", measure.mass, measure.points.shape().rows());
  return solve({device, {cost, measure.points, measure.points, storage}, shares, shares, true}, rule, start);
}

SinkhornDivergence sinkhorn_divergence(const Cost& cost, const Measure& sources, const Measure& targets,
                                       const SinkhornRule& rule, CostStorage storage) {
  return {sinkhorn(cost, sources, targets, rule, {}, storage), sinkhorn_to_itself(cost, sources, rule, {}, storage),
          sinkhorn_to_itself(cost, targets, rule, {}, storage)};
}

Tensor transport_value(const Cost& cost, float epsilon, const Measure& sources, const Measure& targets,
                       const EntropicTransport& transport) {
  return value_on_tape(cost, epsilon, sources, targets, transport.value, transport, {}, {});
}

Tensor transport_value(const Cost& cost, float epsilon, const Measure& sources, const Measure& targets,
                       const SinkhornDivergence& divergence) {
  return value_on_tape(cost, epsilon, sources, targets, divergence.value(), divergence.between,
                       divergence.within_sources.source_potential, divergence.within_targets.source_potential);
}

}  // namespace wasserkern::losses
