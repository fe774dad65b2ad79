#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "losses/transport/exact.h"

namespace wasserkern::losses {

/// Sinkhorn's iteration in the log domain: how small its epsilon is, and when it ends.
struct SinkhornRule {
  float epsilon = 1;
  /// It ends when the coupling's marginals differ from the measures by no more than this share of the mass. That is
  /// also how much an iteration changes the potentials, in the mean and over epsilon. Where no matrix is kept, floats
  /// have digits for some 1e-7 of the costs over epsilon.
  float tolerance = 1e-4f;
  int64_t most_iterations = 1000;
  /// Epsilon starts at the mean cost, and falls by this factor when the marginals are off by a tenth or less. Not when
  /// potentials are given to start at.
  float scaling = 0.5f;
};

/// Entropic transport: the least of <pi, C> + epsilon KL(pi | a x b) over all couplings pi of a and b. It is that of
/// pi_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon).
struct EntropicTransport {
  Tensor source_potential;  // f [m]
  Tensor target_potential;  // g [n]; the (c, epsilon)-transform of f, so that pi brings to every target what it should
  double value = 0;         // sum_i a_i f_i + sum_j b_j g_j: no more than the least, and off by second order only
  double marginal_error = 0;  // sum_i |a_i - sum_j pi_ij|
  int64_t iterations = 0;     // those of falling epsilon included
  bool converged = false;
};

/// Entropic transport for any masses and sizes; masses count as shares of their sum, and where one is 0 the potential
/// is a transform all the same. Potentials [m] of the sources may be given to start at. Costs are kept in a matrix or
/// taken again by every iteration; Auto keeps up to 64 MiB of them. Iterations are accelerated (Anderson 1965), as long
/// as the dual value rises. Throws ShapeError for measures that do not fit their masses, each other or the start, or
/// that have no points; DataError for masses that are negative or not finite or all 0, and where costs or the start are
/// not finite; UsageError for a rule that is none. Throws inside a phase.
WASSERKERN_API EntropicTransport sinkhorn(const Cost& cost, const Measure& sources, const Measure& targets,
                                          const SinkhornRule& rule, const Tensor& start = {},
                                          CostStorage storage = CostStorage::Auto);

/// The same for a matrix of any finite costs [m, n]. No masses: equal ones.
WASSERKERN_API EntropicTransport sinkhorn(const Tensor& costs, const SinkhornRule& rule,
                                          const std::vector<double>& source_mass = {},
                                          const std::vector<double>& target_mass = {}, const Tensor& start = {});

/// Of a measure to itself, where the potentials are one: f meets its transform half-way, which takes few iterations.
WASSERKERN_API EntropicTransport sinkhorn_to_itself(const Cost& cost, const Measure& measure, const SinkhornRule& rule,
                                                    const Tensor& start = {}, CostStorage storage = CostStorage::Auto);

/// What entropy adds to the transport between two measures, it adds within them as well.
struct SinkhornDivergence {
  EntropicTransport between, within_sources, within_targets;

  double value() const { return between.value - (within_sources.value + within_targets.value) / 2; }
  bool converged() const { return between.converged && within_sources.converged && within_targets.converged; }
};

/// W(a, b) - W(a, a) / 2 - W(b, b) / 2; otherwise as sinkhorn. Paper 004, section 4.
WASSERKERN_API SinkhornDivergence sinkhorn_divergence(const Cost& cost, const Measure& sources, const Measure& targets,
                                                      const SinkhornRule& rule,
                                                      CostStorage storage = CostStorage::Auto);

/// The values on the tape, of size 1. Their derivatives in x and y, the points of both measures, are those of the costs
/// with the coupling held still: the envelope theorem, right up to the potentials' tolerance. Differentiable once.
WASSERKERN_API Tensor transport_value(const Cost& cost, float epsilon, const Measure& sources, const Measure& targets,
                                      const EntropicTransport& transport);
WASSERKERN_API Tensor transport_value(const Cost& cost, float epsilon, const Measure& sources, const Measure& targets,
                                      const SinkhornDivergence& divergence);

}  // namespace wasserkern::losses
