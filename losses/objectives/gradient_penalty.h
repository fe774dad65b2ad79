#pragma once

#include <optional>

#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/stencil.h"
#include "losses/objectives/critic.h"

namespace wasserkern::losses {

/// How steep a critic is at each point, |grad D(x_i)|_2, [n]; constants. The largest is a lower bound of its Lipschitz
/// constant.
WASSERKERN_API Tensor slopes(const Critic& critic, const Tensor& points);

/// What keeps the critic of a WGAN-GP Lipschitz: mean_i (|grad D(x_i)| - target)^2, or with one side
/// mean_i max(|grad D(x_i)| - target, 0)^2. Gulrajani et al. 2017, equation 3, and section 4 on the sides; there the
/// x_i are interpolated between real and generated points (engine/ops/interpolate.h) and the weight lambda is 10.
///
/// The norm is l2, or for images the Wasserstein-2 metric's, sqrt(g' L~(x_i) g) with a stencil (wasserstein_metric.h),
/// which makes a WWGAN: papers 001 and 002, section 3.4.
struct WASSERKERN_API GradientPenalty {
  enum class Sides { Two, One };
  Sides sides = Sides::Two;
  float target = 1;
  std::optional<Stencil> metric = {};

  /// A scalar, differentiable in the critic's parameters; `points` [n, ...] are constants, [n, height, width, channels]
  /// for a stencil, else ShapeError. The norm's derivative is 0 where the gradient is 0.
  Tensor operator()(const Critic& critic, const Tensor& points) const;
};

}  // namespace wasserkern::losses
