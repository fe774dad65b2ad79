#pragma once

#include <functional>

#include "engine/array.h"
#include "engine/tensor.h"
#include "kernels/cost/cost.h"
#include "kernels/export.h"

namespace wasserkern::losses {

/// A critic: batch [n, ...] to potentials [n, 1].
using Critic = std::function<Tensor(const Tensor&)>;

/// The objective of (q,p)-WGANs, paper 000, Algorithm 1: the semi-dual of optimal transport from the generator's batch
/// to the real one, mean_i phi(x_i) + mean_j psi(y_j) with psi(y) = min over x in the search space of c(x, y) - phi(x).
/// The search space is the real batch (B = Bx) and there are no penalties (lambda_1 = lambda_2 = 0), as in the paper's
/// MNIST experiment.
struct WASSERKERN_API QpWgan {
  Cost cost = LqCost{1, 1};

  struct CriticTerms {
    Tensor loss;            // scalar, to descend: minus the dual
    Tensor dual;            // scalar: the estimate of the transport cost
    Array<int32_t> argmin;  // [n]: the real point that each generated one is matched to
  };
  /// x and y are constants here. phi is evaluated once, so that dropout drops the same units in phi and psi.
  CriticTerms critic_loss(const Critic& critic, const Tensor& x, const Tensor& y) const;

  struct GeneratorTerms {
    Tensor loss;            // scalar, to descend; its value is the dual
    Array<int32_t> argmin;  // [n]
  };
  /// The gradient reaches y through the cost at the argmin only: d/dy_j = c_y(x_argmin, y_j) / n.
  GeneratorTerms generator_loss(const Critic& critic, const Tensor& x, const Tensor& y) const;
};

}  // namespace wasserkern::losses
