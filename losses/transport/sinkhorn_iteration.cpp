#include "losses/transport/sinkhorn_iteration.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <utility>

#include "engine/ops/elementwise.h"
#include "kernels/check.h"
#include "kernels/error.h"

namespace wasserkern::losses {
namespace {

using Values = std::vector<double>;

Values sum_of(Values x, const Values& y) {
  std::transform(x.begin(), x.end(), y.begin(), x.begin(), std::plus<>());
  return x;
}

/// As floats have them.
Values rounded(Values values) {
  for (double& value : values) value = static_cast<float>(value);
  return values;
}

[[noreturn]] void fail_not_finite() {
  throw DataError("sinkhorn: costs or potentials that are not finite; look for NaN and infinity in the points");
}

double error_of(const Shares& shares, const Values& f, const Values& again, double epsilon) {
  double error = 0;
  for (size_t i = 0; i < f.size(); ++i) {
    if (!std::isfinite(again[i])) fail_not_finite();
    if (shares.share[i] > 0) error += shares.share[i] * std::abs(std::expm1((f[i] - again[i]) / epsilon));
  }
  return error;
}

}  // namespace

Tensor Shares::weighted(const Tensor& potential, float epsilon) const {
  return log.defined() ? potential + epsilon * log : potential;
}

double Shares::mean(const Values& values) const {
  double sum = 0;
  for (size_t i = 0; i < share.size(); ++i)
    if (share[i] > 0) sum += share[i] * values[i];
  return sum;
}

Shares shares_of(Device& device, const char* side, const Values& mass, int64_t points) {
  const auto text = [&](const std::string& what) { return "sinkhorn: " + what + " of the " + side; };
  if (points < 1) throw ShapeError(text("no points") + "; give it one at least");
  if (mass.empty()) return {Values(static_cast<size_t>(points), 1 / static_cast<double>(points)), {}};
  check_equal(text("number of masses").c_str(), std::ssize(mass), points);
  double total = 0;
  for (const double value : mass) {
    if (!(value >= 0) || std::isinf(value))
      throw DataError(text("a mass of " + std::to_string(value)) + "; masses are finite and not negative");
    total += value;
  }
  if (!(total > 0) || std::isinf(total))
    throw DataError(text("masses that sum to " + std::to_string(total)) + "; give some point a mass");
  Shares shares;
  Values log;
  for (const double value : mass) {
    shares.share.push_back(value / total);
    log.push_back(std::log(value / total * static_cast<double>(points)));
  }
  shares.log = on_device(device, log);
  return shares;
}

Values on_host(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_host();
  return {values.begin(), values.end()};
}

Tensor on_device(Device& device, const Values& values) {
  return Tensor::from_host(device, {std::ssize(values)}, std::vector<float>(values.begin(), values.end()));
}

// The transform for an enormous epsilon is a mean over one side.
double EntropicProblem::mean_cost() const {
  const Tensor zero = Tensor::full(device, {std::ssize(sources.share)}, 0);
  const Values means = on_host(transforms.to_targets(1e30f, zero));
  const double mean = std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(means.size());
  if (!std::isfinite(mean)) fail_not_finite();
  return mean;
}

SinkhornIteration::SinkhornIteration(EntropicProblem problem, Values start)
    : problem_(std::move(problem)),
      f_(std::move(start)),
      base_f_(f_.size(), 0),
      base_g_(problem_.targets.share.size(), 0),
      mixing_(problem_.sources.share) {}

SinkhornIteration::Look SinkhornIteration::look(float epsilon) const {
  const Tensor f = on_device(problem_.device, f_);
  const Tensor g = problem_.transforms.to_targets(epsilon, problem_.sources.weighted(f, epsilon));
  Look look{on_host(g), {}};
  look.again = problem_.to_itself
                   ? look.g
                   : on_host(problem_.transforms.to_sources(epsilon, problem_.targets.weighted(g, epsilon)));
  look.marginal_error = error_of(problem_.sources, f_, look.again, epsilon);
  look.dual = problem_.sources.mean(sum_of(base_f_, f_)) + problem_.targets.mean(sum_of(base_g_, look.g));
  return look;
}

// Where Anderson's acceleration leads, as long as the dual value rises; where it fell, back to where Sinkhorn's step
// led, along which it cannot fall.
void SinkhornIteration::advance(const Look& look, float epsilon) {
  constexpr double kRounding = 1e-6;
  if (accelerated_ && !(look.dual >= last_dual_ - kRounding * epsilon)) {
    mixing_.forget();
    f_ = last_step_;
    accelerated_ = false;
    return;
  }
  last_step_ = step(look);
  last_dual_ = look.dual;
  f_ = rounded(mixing_.next(f_, last_step_));
  accelerated_ = true;
}

// With costs c_ij - f_i - g_j what is left to find is small, and floats have more digits for it.
void SinkhornIteration::restart(const Look& look, bool reduce) {
  f_ = step(look);
  accelerated_ = false;
  mixing_.forget();
  if (!reduce || !problem_.transforms.reducible()) return;
  const Values g = problem_.to_itself ? f_ : look.g;
  problem_.transforms = problem_.transforms.reduced(on_device(problem_.device, f_), on_device(problem_.device, g));
  base_f_ = sum_of(base_f_, f_);
  base_g_ = sum_of(base_g_, g);
  f_.assign(f_.size(), 0);
}

Values SinkhornIteration::source_potential(const Look& look) const {
  return sum_of(base_f_, problem_.to_itself ? step(look) : f_);
}

Values SinkhornIteration::target_potential(const Look& look) const {
  return sum_of(base_g_, problem_.to_itself ? step(look) : look.g);
}

/// Sinkhorn's own. To itself a potential goes half-way, which ends its swinging to and fro.
Values SinkhornIteration::step(const Look& look) const {
  if (!problem_.to_itself) return look.again;
  Values half = sum_of(f_, look.again);
  for (double& value : half) value /= 2;
  return rounded(half);
}

}  // namespace wasserkern::losses
