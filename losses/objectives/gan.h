#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"
#include "losses/objectives/critic.h"

namespace wasserkern::losses {

/// The objectives of GANs, Goodfellow et al. 2014. The critic gives logits: its probability that a point is real is
/// sigma(D). All are scalars to descend, written with the softplus ln(1 + e^t) so that large logits neither overflow
/// nor lose their gradient.

/// -mean ln sigma(D(x)) - mean ln(1 - sigma(D(y))) for the critic, algorithm 1; x and y are constants here.
WASSERKERN_API Tensor gan_critic_loss(const Critic& critic, const Tensor& x, const Tensor& y);
WASSERKERN_API Tensor gan_critic_loss(const CriticValues& values);

/// mean ln(1 - sigma(D(y))) for the generator: the minimax game, equation 1.
WASSERKERN_API Tensor gan_minimax_loss(const Critic& critic, const Tensor& y);

/// -mean ln sigma(D(y)) for the generator, which has a gradient also where the critic is sure; section 3.
WASSERKERN_API Tensor gan_non_saturating_loss(const Critic& critic, const Tensor& y);

}  // namespace wasserkern::losses
