#include "losses/transport/sinkhorn.h"

#include <algorithm>
#include <cmath>
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

/// Transport between two measures, or of one to itself.
struct Problem {
  Device& device;
  SoftTransforms transforms;
  Shares sources, targets;
  bool to_itself = false;

  /// f's transform, and what f should be by that.
  struct Transforms {
    Tensor g, again;
  };
  Transforms transform(float epsilon, const Tensor& f) const {
    const Tensor g = transforms.to_targets(epsilon, sources.weighted(f, epsilon));
    return {g, to_itself ? g : transforms.to_sources(epsilon, targets.weighted(g, epsilon))};
  }
  /// How far a potential goes where it should be: to itself half-way, which ends the swinging to and fro.
  float step() const { return to_itself ? 0.5f : 1; }
  Tensor iterate(const Tensor& f, const Tensor& again) const { return to_itself ? (f + again) * step() : again; }

  /// As the transform for an enormous epsilon, which means over one side.
  double mean_cost() const {
    const Tensor zero = Tensor::full(device, {std::ssize(sources.share)}, 0);
    const Values means = on_host(transforms.to_targets(1e30f, zero));
    double sum = 0;
    for (const double mean : means) sum += mean;
    return sum / static_cast<double>(means.size());
  }
};

/// sum_i a_i |1 - exp((f_i - again_i) / epsilon)|: what a coupling leaves at the sources, or takes too much.
double marginal_error(const Shares& shares, const Values& f, const Values& again, double epsilon) {
  double error = 0;
  for (size_t i = 0; i < f.size(); ++i) {
    if (!std::isfinite(again[i]))
      throw DataError("sinkhorn: costs or potentials that are not finite; look for NaN and infinity in the points");
    if (shares.share[i] > 0) error += shares.share[i] * std::abs(std::expm1((f[i] - again[i]) / epsilon));
  }
  return error;
}

EntropicTransport solve(Problem problem, const SinkhornRule& rule, const Tensor& start) {
  check_rule(rule);
  Device& device = problem.device;
  device.forbid_in_phase("sinkhorn");
  const TapeOff off;
  const int64_t m = std::ssize(problem.sources.share), n = std::ssize(problem.targets.share);
  if (start.defined()) check_equal("sinkhorn: size of the start", start.size(), m);

  EntropicTransport result;
  Tensor f = start.defined() ? start.viewed_as({m}) : Tensor::full(device, {m}, 0);
  if (!start.defined())
    for (double epsilon = problem.mean_cost(); epsilon > rule.epsilon && result.iterations + 2 < rule.most_iterations;
         epsilon *= rule.scaling, ++result.iterations)
      f = problem.iterate(f, problem.transform(static_cast<float>(epsilon), f).again);

  // Potentials are the sum of these, on the host, and of what is still to find.
  Values base_f(static_cast<size_t>(m)), base_g(static_cast<size_t>(n));
  if (problem.transforms.reducible() && result.iterations + 1 < rule.most_iterations) {
    const auto [g, again] = problem.transform(rule.epsilon, f);
    ++result.iterations;
    const Tensor near = problem.iterate(f, again), other = problem.to_itself ? near : g;
    base_f = on_host(near);
    base_g = on_host(other);
    problem.transforms = problem.transforms.reduced(near, other);
    f = Tensor::full(device, {m}, 0);
  }

  AndersonMixing mixing(problem.sources.share);
  for (;;) {
    const auto [g, again] = problem.transform(rule.epsilon, f);
    ++result.iterations;
    const Values at = on_host(f), to = on_host(again);
    result.marginal_error = marginal_error(problem.sources, at, to, rule.epsilon);
    result.converged = result.marginal_error <= rule.tolerance;
    if (result.converged || result.iterations >= rule.most_iterations) {
      const Values source = sum_of(base_f, at), target = sum_of(base_g, on_host(g));
      result.value = problem.sources.sum(source) + problem.targets.sum(target);
      result.source_potential =
          on_device(device, problem.to_itself ? sum_of(base_f, on_host(problem.iterate(f, g))) : source);
      result.target_potential = problem.to_itself ? result.source_potential : on_device(device, target);
      return result;
    }
    Values next(at.size());
    for (size_t i = 0; i < at.size(); ++i) next[i] = at[i] + problem.step() * (to[i] - at[i]);
    f = on_device(device, mixing.next(at, next));
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
