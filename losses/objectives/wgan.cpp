#include "losses/objectives/wgan.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"

namespace wasserkern::losses {

Tensor wgan_critic_loss(const Critic& critic, const Tensor& x, const Tensor& y) {
  return wgan_critic_loss(apart(critic, x, y));
}

Tensor wgan_critic_loss(const CriticValues& values) { return mean(values.y) - mean(values.x); }

Tensor wgan_generator_loss(const Critic& critic, const Tensor& y) { return -mean(critic(y)); }

}  // namespace wasserkern::losses
