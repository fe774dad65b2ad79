#pragma once

#include "engine/array.h"
#include "engine/tensor.h"
#include "kernels/admissibility.h"
#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "losses/objectives/critic.h"

namespace wasserkern::losses {

/// The points B over which a c-transform minimises: the real batch Bx, or both batches, Bx and By.
enum class SearchSpace { Real, Both };

/// The objective of (q,p)-WGANs, paper 000, Algorithm 1: the semi-dual of optimal transport from the generator's batch
/// to the real one, mean_i phi(x_i) + mean_j psi(y_j) with psi(y) = min over x in B of c(x, y) - phi(x). The critic's
/// loss adds penalties of the slack xi(x, y) = c(x, y) - phi(x) - psi(y), each the mean over its pairs:
///   lambda1 P1, xi^2 over Bx x By, which wants the inequality of the dual tight;
///   lambda2 P2, over all pairs of points of either batch, by the reading `p2`: equation 19 penalises violations,
///   Algorithm 1 prints xi^2. With B = Both nothing violates, and P2 by equation 19 vanishes identically.
/// By default B = Bx without penalties, as in the paper's MNIST experiment.
struct WASSERKERN_API QpWgan {
  Cost cost = LqCost{1, 1};
  SearchSpace search_space = SearchSpace::Real;
  float lambda1 = 0;
  float lambda2 = 0;
  Penalty p2 = Penalty::Violation;

  struct CriticTerms {
    Tensor loss;            // scalar, to descend: minus the dual, plus the weighted penalties
    Tensor dual;            // scalar: the estimate of the transport cost
    Array<int32_t> argmin;  // [n]: the point of B that each generated one is matched to, first Bx, then By
    Tensor p1;              // scalar; undefined where lambda1 is 0
    Tensor p2;              // scalar; undefined where lambda2 is 0
  };
  /// x and y are constants here. phi is evaluated once, so that dropout drops the same units in phi and psi. Throws
  /// UsageError for a lambda below 0.
  CriticTerms critic_loss(const Critic& critic, const Tensor& x, const Tensor& y) const;

  struct GeneratorTerms {
    Tensor loss;            // scalar, to descend; its value is the dual
    Array<int32_t> argmin;  // [n], as the critic's
  };
  /// The gradient reaches y_j through the cost at its argmin, d/dy_j = c_y(x_argmin, y_j) / n. Where the argmin is a
  /// generated point y_k it also reaches y_k, through the cost and through the critic's -phi(y_k) / n.
  GeneratorTerms generator_loss(const Critic& critic, const Tensor& x, const Tensor& y) const;
};

}  // namespace wasserkern::losses
