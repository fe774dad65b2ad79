#include "losses/objectives/qp_wgan.h"

#include <string>

#include "engine/ops/admissibility.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/ops/view.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern::losses {
namespace {

void check_weight(const char* name, float weight) {
  if (!(weight >= 0)) throw UsageError(std::string("qp_wgan: ") + name + " is " + std::to_string(weight) + ", below 0");
}

/// Points and the critic's potential there.
struct Potential {
  Tensor points;
  Tensor phi;
};

/// psi at y; epsilon says how softly.
Minimum transform(const QpWgan& objective, const Potential& over, const Tensor& y) {
  if (objective.epsilon == 0) return min_over(objective.cost, over.points, over.phi, y);
  return {soft_min_over(objective.cost, objective.epsilon, over.points, over.phi, y), {}};
}

}  // namespace

QpWgan::CriticTerms QpWgan::critic_loss(const Critic& critic, const Tensor& x, const Tensor& y) const {
  check_weight("lambda1", lambda1);
  check_weight("lambda2", lambda2);
  const int64_t m = x.shape().rows();
  const bool on_both = search_space != SearchSpace::Real || lambda2 > 0;
  const Tensor points = on_both ? concatenate_rows(x.detach(), y.detach()) : x.detach();
  const Potential all{points, critic(points)};
  const Potential real = on_both ? Potential{x.detach(), slice_rows(all.phi, 0, m)} : all;
  const Potential searched = [&] {
    if (search_space == SearchSpace::Real) return real;
    if (search_space == SearchSpace::Both) return all;
    return Potential{y.detach(), slice_rows(all.phi, m, all.phi.shape().rows())};
  }();

  const Minimum psi = transform(*this, searched, y.detach());
  const Tensor dual = mean(real.phi) + mean(psi.value);
  CriticTerms terms{-dual, dual, psi.argmin, {}, {}};
  if (lambda1 > 0) {
    terms.p1 = admissibility(cost, Penalty::Square, real.points, real.phi, y.detach(), psi.value);
    terms.loss = terms.loss + lambda1 * terms.p1;
  }
  if (lambda2 > 0) {
    const Tensor psi_of_real = transform(*this, searched, real.points).value;
    terms.p2 = admissibility(cost, p2, all.points, all.phi, all.points, concatenate_rows(psi_of_real, psi.value));
    terms.loss = terms.loss + lambda2 * terms.p2;
  }
  return terms;
}

QpWgan::GeneratorTerms QpWgan::generator_loss(const Critic& critic, const Tensor& x, const Tensor& y) const {
  const Potential real = [&] {
    const TapeOff constant;
    return Potential{x.detach(), critic(x.detach())};
  }();
  const Potential searched = [&] {
    if (search_space == SearchSpace::Real) return real;
    if (search_space == SearchSpace::Generated) return Potential{y, critic(y)};
    return Potential{concatenate_rows(real.points, y), concatenate_rows(real.phi, critic(y))};
  }();
  const Minimum psi = transform(*this, searched, y);
  return {mean(real.phi) + mean(psi.value), psi.argmin};
}

}  // namespace wasserkern::losses
