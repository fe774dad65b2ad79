#include "losses/transport/entropic_envelope.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/view.h"
#include "engine/tape.h"

namespace wasserkern::losses {
namespace {

constexpr const char* kName = "entropic transport's gradient";

/// Masses times the factor of their problem.
Tensor scaled(const Tensor& mass, const Tensor& factor, int64_t problems) {
  const Tensor rows = reshape(mass, {problems, problems == 0 ? 0 : mass.size() / problems});
  return reshape(rows * reshape(factor, {problems, 1}), {mass.size()});
}

}  // namespace

Tensor with_envelope(const Cost& cost, float epsilon, const Tensor& value, const EntropicCouplings& couplings) {
  const Tensor &x = couplings.sources.points, &y = couplings.targets.points;
  return taped("entropic transport", value, {x, y}, [=, saved_x = Saved(x), saved_y = Saved(y)](Sweep& sweep) {
    const int64_t problems = couplings.problems;
    const Tensor &points_x = sweep.get(saved_x), &points_y = sweep.get(saved_y), &factor = sweep.gradient();
    const auto pull = [&](const EntropicMarginal& from, EntropicMarginal at) {
      at.mass = scaled(at.mass, factor, problems);
      return entropic_cost_gradient(cost, epsilon, from, at, problems);
    };
    const auto give = [&](int input, const EntropicMarginal& other, const EntropicMarginal& own, const Tensor& within) {
      if (!sweep.wants(input)) return;
      Tensor gradient = pull(other, own);
      // Both ends of a coupling within a measure move: its half has the whole gradient of one.
      const EntropicMarginal self{own.points, within, own.mass};
      if (within.defined()) gradient = gradient - pull(self, self);
      sweep.give(input,
                 taped(kName, gradient, {points_x, points_y, factor}, [](Sweep&) { fail_missing_derivative(kName); }));
    };
    EntropicMarginal from = couplings.sources, to = couplings.targets;
    from.points = points_x;
    to.points = points_y;
    give(0, to, from, couplings.within_sources);
    give(1, from, to, couplings.within_targets);
  });
}

}  // namespace wasserkern::losses
