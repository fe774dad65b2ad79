#pragma once

#include "engine/ops/view.h"
#include "engine/tensor.h"
#include "kernels/cost/lq.h"
#include "losses/transport/batched_exact.h"

namespace wasserkern::bench {

/// A batch [n, ...] as the one problem of a batch of problems, [1, n, coordinates].
inline Tensor one_problem(const Tensor& points) {
  return reshape(points, {1, points.shape().rows(), points.shape().columns()});
}

/// W1 by Euclidean distances between two batches [n, ...] of up to kMostAssigned points; also in phases.
inline losses::BatchedExact batch_w1(const Tensor& x, const Tensor& y) {
  return losses::batched_exact_transport(LqCost{.q = 2, .p = 1}, one_problem(x), one_problem(y));
}

}  // namespace wasserkern::bench
