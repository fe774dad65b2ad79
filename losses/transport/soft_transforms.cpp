#include "losses/transport/soft_transforms.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/view.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/pairwise_cost.h"
#include "kernels/parts.h"
#include "kernels/soft_c_transform.h"
#include "kernels/soft_minimum.h"

namespace wasserkern::losses {
namespace {

constexpr int64_t kMostCosts = int64_t{1} << 24;

}  // namespace

SoftTransforms::SoftTransforms(const Cost& cost, const Tensor& x, const Tensor& y, CostStorage storage,
                               int64_t problems)
    : cost_(cost), x_(x.detach()), y_(y.detach()), problems_(problems) {
  const int64_t rows = x.shape().rows(), columns = problems == 0 ? 0 : y.shape().rows() / problems;
  if (storage == CostStorage::Rows || (storage == CostStorage::Auto && rows * columns > kMostCosts)) return;
  costs_ = Tensor::empty(x.device(), {rows, columns});
  submit(x.device(), [=, from = x.matrix(), at = y.matrix(), to = costs_.matrix()](auto& stream) {
    batched_pairwise_cost(stream, cost, problems, from, at, to);
  });
}

Tensor SoftTransforms::transform(float epsilon, const Tensor& potential, bool to_sources) const {
  const int64_t sources = costs_.defined() ? costs_.shape()[0] : x_.shape().rows();
  const int64_t targets = costs_.defined() ? problems_ * costs_.shape()[1] : y_.shape().rows();
  Tensor out = Tensor::empty(potential.device(), {to_sources ? sources : targets});
  if (costs_.defined()) {
    submit(out.device(),
           [=, problems = problems_, costs = Factor{costs_.matrix(), to_sources}, phi = potential.vector(),
            to = out.vector()](auto& stream) { soft_minimum(stream, epsilon, problems, costs, phi, to); });
    return out;
  }
  const Tensor &from = to_sources ? y_ : x_, &at = to_sources ? x_ : y_;
  submit(out.device(), [=, problems = problems_, cost = cost_, x = from.matrix(), phi = potential.vector(),
                        y = at.matrix(), to = out.vector()](auto& stream) {
    for (int64_t index = 0; index < problems; ++index)
      soft_c_transform(stream, cost, epsilon, part_of(x, index, problems), part_of(phi, index, problems),
                       part_of(y, index, problems), part_of(to, index, problems));
  });
  return out;
}

Tensor SoftTransforms::to_targets(float epsilon, const Tensor& potential) const {
  return transform(epsilon, potential, false);
}

Tensor SoftTransforms::to_sources(float epsilon, const Tensor& potential) const {
  return transform(epsilon, potential, true);
}

bool SoftTransforms::reducible() const { return costs_.defined() && problems_ == 1 && costs_.size() <= kMostCosts; }

SoftTransforms SoftTransforms::reduced(const Tensor& f, const Tensor& g) const {
  const TapeOff off;
  return SoftTransforms(costs_ - f.viewed_as({f.size(), 1}) - g.viewed_as({1, g.size()}));
}

}  // namespace wasserkern::losses
