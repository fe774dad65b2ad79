#include "losses/objectives/wgan.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"

namespace wasserkern::losses {

Tensor wgan_critic_loss(const Critic& critic, const Tensor& x, const Tensor& y) {
  return mean(critic(y.detach())) - mean(critic(x.detach()));
}

Tensor wgan_generator_loss(const Critic& critic, const Tensor& y) { return -mean(critic(y)); }

}  // namespace wasserkern::losses
