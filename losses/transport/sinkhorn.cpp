#include "losses/transport/sinkhorn.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/tape.h"
#include "kernels/check.h"
#include "kernels/contracts.h"
#include "kernels/error.h"
#include "losses/transport/entropic_envelope.h"
#include "losses/transport/sinkhorn_iteration.h"

namespace wasserkern::losses {
namespace {

void check_rule(const SinkhornRule& rule) {
  check_epsilon("sinkhorn", rule.epsilon);
  if (!(rule.tolerance > 0) || rule.most_iterations < 1 || !(rule.scaling > 0 && rule.scaling < 1))
    throw UsageError("sinkhorn: a tolerance of " + std::to_string(rule.tolerance) + ", at most " +
                     std::to_string(rule.most_iterations) + " iterations and epsilon scaled by " +
                     std::to_string(rule.scaling) + "; tolerance and iterations are positive, the scaling is below 1");
}

EntropicTransport solve(EntropicProblem problem, const SinkhornRule& rule, const Tensor& start) {
  constexpr double kSettled = 0.1;      // marginal error at which epsilon may fall
  constexpr int64_t kReduceEvery = 50;  // iterations at the last epsilon: potentials may still go far
  check_rule(rule);
  Device& device = problem.device;
  device.forbid_in_phase("sinkhorn");
  const TapeOff off;
  const int64_t m = std::ssize(problem.sources.share);
  if (start.defined()) check_equal("sinkhorn: size of the start", start.size(), m);
  float epsilon = rule.epsilon;
  if (!start.defined() && rule.most_iterations > 1)
    epsilon = std::max(epsilon, static_cast<float>(problem.mean_cost()));

  const std::vector<double> zero(static_cast<size_t>(m), 0);
  SinkhornIteration iteration(std::move(problem), start.defined() ? on_host(start) : zero);
  EntropicTransport result;
  for (int64_t settling = 0;;) {
    const SinkhornIteration::Look look = iteration.look(epsilon);
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
    const bool reduces = epsilon == rule.epsilon && settling++ % kReduceEvery == 0;
    if (falls || reduces)
      iteration.restart(look, reduces);
    else
      iteration.advance(look, epsilon);
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
