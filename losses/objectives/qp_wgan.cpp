#include "losses/objectives/qp_wgan.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"

namespace wasserkern::losses {

QpWgan::CriticTerms QpWgan::critic_loss(const Critic& critic, const Tensor& x, const Tensor& y) const {
  const Tensor potential = critic(x.detach());
  const Minimum psi = min_over(cost, x.detach(), potential, y.detach());
  const Tensor dual = mean(potential) + mean(psi.value);
  return {-dual, dual, psi.argmin};
}

QpWgan::GeneratorTerms QpWgan::generator_loss(const Critic& critic, const Tensor& x, const Tensor& y) const {
  const Tensor potential = [&] {
    const TapeOff constant;
    return critic(x.detach());
  }();
  const Minimum psi = min_over(cost, x.detach(), potential, y);
  return {mean(potential) + mean(psi.value), psi.argmin};
}

}  // namespace wasserkern::losses
