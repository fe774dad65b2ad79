#pragma once

#include <utility>
#include <vector>

namespace wasserkern::losses {

/// Anderson's acceleration (1965) of a fixed-point iteration t(f): near the fixed point t is linear, so that a
/// combination of past steps is nearer to it than the last step leads.
class AndersonMixing {
 public:
  /// Steps are measured as sum_i weight_i step_i^2.
  explicit AndersonMixing(std::vector<double> weight) : weight_(std::move(weight)) {}

  /// Where to go on, given t = t(f).
  std::vector<double> next(const std::vector<double>& f, const std::vector<double>& t);
  /// Drops what was learnt, where the iteration has become another or led astray.
  void forget();

 private:
  /// How a change of the step, of length 1, comes with a change of t; the steps of all are orthogonal.
  struct Change {
    std::vector<double> step, t;
  };

  double product(const std::vector<double>& x, const std::vector<double>& y) const;
  void learn(Change change);

  std::vector<double> weight_;
  std::vector<double> last_step_, last_t_;
  std::vector<Change> changes_;  // the oldest first
};

}  // namespace wasserkern::losses
