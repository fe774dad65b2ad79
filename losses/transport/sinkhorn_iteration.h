#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "losses/transport/anderson.h"
#include "losses/transport/soft_transforms.h"

namespace wasserkern::losses {

/// The shares of a measure's points in its mass.
struct Shares {
  std::vector<double> share;
  Tensor log;  // ln(n share), which adds to potentials; undefined where all are equal

  /// What the transform of a potential takes.
  Tensor weighted(const Tensor& potential, float epsilon) const;
  /// sum_i share_i values_i, where there is mass.
  double mean(const std::vector<double>& values) const;
};

/// Of so many points; no masses: equal ones. Throws as sinkhorn does; `side` names the measure.
Shares shares_of(Device& device, const char* side, const std::vector<double>& mass, int64_t points);

std::vector<double> on_host(const Tensor& tensor);
Tensor on_device(Device& device, const std::vector<double>& values);

/// Transport between two measures, or of one to itself.
struct EntropicProblem {
  Device& device;
  SoftTransforms transforms;
  Shares sources, targets;
  bool to_itself = false;

  /// Throws DataError unless it is finite.
  double mean_cost() const;
};

/// Sinkhorn's iteration, as a sequence of potentials f that no dual value falls along.
class SinkhornIteration {
 public:
  SinkhornIteration(EntropicProblem problem, std::vector<double> start);

  /// What an iteration finds out about f.
  struct Look {
    std::vector<double> g;      // its transform
    std::vector<double> again;  // what f should be by that
    double marginal_error = 0;  // sum_i a_i |1 - exp((f_i - again_i) / epsilon)|
    double dual = 0;
  };
  /// Throws DataError for what is not finite.
  Look look(float epsilon) const;

  /// Goes on, at the epsilon that was looked at.
  void advance(const Look& look, float epsilon);
  /// Goes on to another epsilon, and if asked takes what is known off the costs, where it can.
  void restart(const Look& look, bool reduce);

  std::vector<double> source_potential(const Look& look) const;
  std::vector<double> target_potential(const Look& look) const;

 private:
  std::vector<double> step(const Look& look) const;

  EntropicProblem problem_;
  std::vector<double> f_;
  std::vector<double> base_f_, base_g_;  // what was taken off the costs
  AndersonMixing mixing_;
  bool accelerated_ = false;
  std::vector<double> last_step_;
  double last_dual_ = 0;
};

}  // namespace wasserkern::losses
