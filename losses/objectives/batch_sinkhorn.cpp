#include "losses/objectives/batch_sinkhorn.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/ops/view.h"
#include "engine/tape.h"
#include "kernels/check.h"
#include "kernels/contracts.h"
#include "kernels/error.h"
#include "losses/transport/entropic_envelope.h"
#include "losses/transport/soft_transforms.h"

namespace wasserkern::losses {
namespace {

/// Epsilon of every iteration.
std::vector<float> schedule(const BatchSinkhorn& rule) {
  check_epsilon("batch_sinkhorn", rule.epsilon);
  if (rule.iterations < 1 || !(rule.scaling > 0 && rule.scaling < 1) || std::isinf(rule.first_epsilon))
    throw UsageError("batch_sinkhorn: " + std::to_string(rule.iterations) + " iterations and epsilon from " +
                     std::to_string(rule.first_epsilon) + " scaled by " + std::to_string(rule.scaling) +
                     "; there is an iteration at least, the start is finite and the scaling below 1");
  std::vector<float> epsilons;
  for (float epsilon = rule.first_epsilon; std::ssize(epsilons) < rule.iterations; epsilon *= rule.scaling)
    epsilons.push_back(std::max(rule.epsilon, epsilon));
  epsilons.back() = rule.epsilon;
  return epsilons;
}

/// Transforms through which the tape goes.
struct TapedTransforms {
  Cost cost;
  Tensor x, y;

  Tensor to_targets(float epsilon, const Tensor& f) const { return soft_min_over(cost, epsilon, x, f, y); }
  Tensor to_sources(float epsilon, const Tensor& g) const { return soft_min_over(cost, epsilon, y, g, x); }
};

/// On the sources, and its transform on the targets.
struct Potentials {
  Tensor f, g;
};

template <class Transforms>
Potentials iterate(const BatchSinkhorn& rule, const Transforms& transforms, Tensor f) {
  for (const float epsilon : schedule(rule)) f = transforms.to_sources(epsilon, transforms.to_targets(epsilon, f));
  return {f, transforms.to_targets(rule.epsilon, f)};
}

/// Of points to themselves: f goes half-way to its transform.
template <class Transforms>
Potentials iterate_within(const BatchSinkhorn& rule, const Transforms& transforms, Tensor f) {
  for (const float epsilon : schedule(rule)) f = 0.5f * (f + transforms.to_targets(epsilon, f));
  return {f, transforms.to_targets(rule.epsilon, f)};
}

/// The means of [problems n] over each problem.
Tensor means(const Tensor& potential, int64_t problems) {
  const int64_t size = potential.size() / problems;
  return sum_over_columns(reshape(potential, {problems, size})) / static_cast<float>(size);
}

Tensor value_of(const Potentials& potentials, int64_t problems) {
  return reshape(means(potentials.f, problems) + means(potentials.g, problems), {problems});
}

Tensor zeros(const Tensor& points) { return Tensor::full(points.device(), {points.shape().rows()}, 0); }

/// Equal masses within each problem.
Tensor shares(const Tensor& points, int64_t problems) {
  const int64_t rows = points.shape().rows();
  return Tensor::full(points.device(), {rows}, static_cast<float>(problems) / static_cast<float>(rows));
}

void check_batches(const Tensor& x, const Tensor& y, int64_t problems) {
  const int64_t m = x.shape().rows(), n = y.shape().rows();
  if (problems < 1 || m % problems + n % problems != 0 || m == 0 || n == 0)
    throw ShapeError("batch_sinkhorn: " + std::to_string(m) + " and " + std::to_string(n) +
                     " points do not divide into " + std::to_string(problems) + " problems with points on both sides");
  check_equal("batch_sinkhorn: size of a point of y", y.shape().columns(), x.shape().columns());
}

}  // namespace

Tensor BatchSinkhorn::operator()(const Tensor& x, const Tensor& y, int64_t problems) const {
  check_batches(x, y, problems);
  EntropicCouplings couplings{{x, {}, shares(x, problems)}, {y, {}, shares(y, problems)}, {}, {}, problems};
  const Tensor value = [&] {
    const TapeOff off;
    const auto transforms = [&](const Tensor& from, const Tensor& to) {
      return SoftTransforms(cost, from, to, CostStorage::Auto, problems);
    };
    const Potentials between = iterate(*this, transforms(x, y), zeros(x));
    couplings.sources.potential = between.f;
    couplings.targets.potential = between.g;
    Tensor total = value_of(between, problems);
    if (!debiased) return total;
    for (const auto& [points, within] : {std::pair(&x, &couplings.within_sources), {&y, &couplings.within_targets}}) {
      const Potentials itself = iterate_within(*this, transforms(*points, *points), zeros(*points));
      *within = 0.5f * (itself.f + itself.g);
      total = total - 0.5f * value_of(itself, problems);
    }
    return total;
  }();
  return with_envelope(cost, epsilon, value, couplings);
}

Tensor BatchSinkhorn::unrolled(const Tensor& x, const Tensor& y) const {
  check_batches(x, y, 1);
  const auto value = [](const Potentials& potentials) { return mean(potentials.f) + mean(potentials.g); };
  const Tensor between = value(iterate(*this, TapedTransforms{cost, x, y}, zeros(x)));
  if (!debiased) return between;
  const Tensor within_x = value(iterate_within(*this, TapedTransforms{cost, x, x}, zeros(x)));
  const Tensor within_y = value(iterate_within(*this, TapedTransforms{cost, y, y}, zeros(y)));
  return between - 0.5f * (within_x + within_y);
}

}  // namespace wasserkern::losses
