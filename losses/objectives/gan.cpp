#include "losses/objectives/gan.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"

// -ln sigma(t) = softplus(-t) and -ln(1 - sigma(t)) = softplus(t).

namespace wasserkern::losses {

Tensor gan_critic_loss(const Critic& critic, const Tensor& x, const Tensor& y) {
  return gan_critic_loss(apart(critic, x, y));
}

Tensor gan_critic_loss(const CriticValues& values) { return mean(softplus(-values.x)) + mean(softplus(values.y)); }

Tensor gan_minimax_loss(const Critic& critic, const Tensor& y) { return -mean(softplus(critic(y))); }

Tensor gan_non_saturating_loss(const Critic& critic, const Tensor& y) { return mean(softplus(-critic(y))); }

}  // namespace wasserkern::losses
