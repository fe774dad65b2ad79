#pragma once

#include "engine/tensor.h"
#include "kernels/batch_norm.h"
#include "kernels/export.h"

namespace wasserkern {

/// What a batch normalisation keeps from step to step, [channels] each; it starts from 0 and 1. Off the tape, and in
/// memory of its own: every training forward writes there, which makes whatever else was saved from it stale.
struct RunningStatistics {
  Tensor mean;
  Tensor variance;
};

/// Batch normalisation of x [..., channels], fused with its activation: by the mean and variance of this batch, which
/// move the running statistics in place. gain and shift [channels]. Differentiable once. Throws ShapeError below 2
/// values per channel.
WASSERKERN_API Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& shift,
                                 const RunningStatistics& running, const BatchNorm& rule = {});

/// The same by the running statistics, which are constants and taken as they are now; differentiable to any order.
WASSERKERN_API Tensor batch_norm_inference(const Tensor& x, const Tensor& gain, const Tensor& shift,
                                           const RunningStatistics& running, const BatchNorm& rule = {});

}  // namespace wasserkern
