#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"
#include "losses/objectives/critic.h"

namespace wasserkern::losses {

/// The objective of Wasserstein GANs: mean D(x) - mean D(y) over real x and generated y, which the critic raises among
/// the Lipschitz functions and the generator lowers. The constraint is the caller's: clip_weights (engine/optimizer.h),
/// a GradientPenalty, or a network that is Lipschitz (models/lipschitz.h). Arjovsky, Chintala and Bottou 2017, equation
/// 2 and algorithm 1.

/// mean D(y) - mean D(x), a scalar for the critic to descend; x and y are constants here.
WASSERKERN_API Tensor wgan_critic_loss(const Critic& critic, const Tensor& x, const Tensor& y);
WASSERKERN_API Tensor wgan_critic_loss(const CriticValues& values);

/// -mean D(y), a scalar for the generator to descend.
WASSERKERN_API Tensor wgan_generator_loss(const Critic& critic, const Tensor& y);

}  // namespace wasserkern::losses
