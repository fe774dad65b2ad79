#include "losses/transport/anderson.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace wasserkern::losses {
namespace {

constexpr size_t kMemory = 5;        // changes
constexpr double kDependent = 1e-4;  // of its length, where a change has nothing new

/// x += a y.
void add(std::vector<double>& x, double a, const std::vector<double>& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += a * y[i];
}

std::vector<double> difference(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<double> result(x.size());
  std::transform(x.begin(), x.end(), y.begin(), result.begin(), std::minus<>());
  return result;
}

}  // namespace

double AndersonMixing::product(const std::vector<double>& x, const std::vector<double>& y) const {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += weight_[i] * x[i] * y[i];
  return sum;
}

// Gram and Schmidt on the steps; the same combinations of t go along, so that least squares are projections. An old
// change may be forgotten: what was taken off the others with it stays true of them.
void AndersonMixing::learn(Change change) {
  const double before = std::sqrt(product(change.step, change.step));
  for (const Change& known : changes_) {
    const double share = product(known.step, change.step);
    add(change.step, -share, known.step);
    add(change.t, -share, known.t);
  }
  const double length = std::sqrt(product(change.step, change.step));
  if (!(length > kDependent * before)) return;
  for (auto* values : {&change.step, &change.t})
    for (double& value : *values) value /= length;
  if (changes_.size() == kMemory) changes_.erase(changes_.begin());
  changes_.push_back(std::move(change));
}

void AndersonMixing::forget() {
  changes_.clear();
  last_step_.clear();
}

std::vector<double> AndersonMixing::next(const std::vector<double>& f, const std::vector<double>& t) {
  std::vector<double> step = difference(t, f);
  if (!last_step_.empty()) learn({difference(step, last_step_), difference(t, last_t_)});
  std::vector<double> result = t;
  for (const Change& change : changes_) add(result, -product(change.step, step), change.t);
  last_step_ = std::move(step);
  last_t_ = t;
  return result;
}

}  // namespace wasserkern::losses
