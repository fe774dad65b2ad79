#pragma once

#include <cstdint>

#include "engine/tensor.h"
#include "kernels/cost/cost.h"
#include "losses/transport/exact.h"

namespace wasserkern::losses {

/// The (c, epsilon)-transforms that Sinkhorn's iteration is made of, either way, off the tape. For one problem, or for
/// equal ones whose points lie one after another; potentials likewise. What a minibatch needs is tensor ops only, so
/// that it can run inside a phase.
class SoftTransforms {
 public:
  /// x [problems m, ...], y [problems n, ...]. A matrix of costs is the large intermediate that pays: it is made once
  /// and read by every iteration. Auto makes it up to 64 MiB.
  SoftTransforms(const Cost& cost, const Tensor& x, const Tensor& y, CostStorage storage, int64_t problems = 1);
  /// Of costs [m, n].
  explicit SoftTransforms(const Tensor& costs) : costs_(costs) {}

  /// Of potentials [problems m], and [problems n].
  Tensor to_targets(float epsilon, const Tensor& potential) const;
  Tensor to_sources(float epsilon, const Tensor& potential) const;
  /// With costs c_ij - f_i - g_j, kept in a matrix. Where potentials are near the solution what is left to find is
  /// small, and floats have more digits for it.
  SoftTransforms reduced(const Tensor& f, const Tensor& g) const;
  /// Whether there is a matrix for that, of at most 64 MiB, and one problem.
  bool reducible() const;

 private:
  Tensor transform(float epsilon, const Tensor& potential, bool to_sources) const;

  Cost cost_;
  Tensor x_, y_;
  Tensor costs_;  // [problems m, n]
  int64_t problems_ = 1;
};

}  // namespace wasserkern::losses
