#pragma once

#include <string>

#include "engine/parameters.h"
#include "kernels/export.h"

namespace wasserkern {

class Checkpoint;

/// An exponential moving average of a network's parameters, kept in those of another: a second generator of the same
/// layers is then the averaged one, to draw samples with. Running statistics and other buffers in Parameters of their
/// own take an average of their own.
class WASSERKERN_API ExponentialAverage {
 public:
  /// Overwrites `average` with the parameters as they are. Throws UsageError unless 0 <= decay < 1 and both have the
  /// same names and shapes, in different memory.
  ExponentialAverage(const Parameters& parameters, const Parameters& average, float decay);

  /// average += (1 - decay) (parameters - average), after a step of the optimizer; one kernel.
  void update();
  /// Saves or restores the average under `prefix`.
  void visit(Checkpoint& checkpoint, const std::string& prefix);

 private:
  Parameters parameters_;
  Parameters average_;
  float decay_;
};

}  // namespace wasserkern
