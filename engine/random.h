#pragma once

#include "engine/array.h"
#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/random.h"

namespace wasserkern {

/// The source of every random number of a run: a function of (seed, step, op), see kernels/random.h. Phases move the
/// step; what is drawn outside of them, such as initial weights, has step 0.
class WASSERKERN_API Random {
 public:
  Random(Device& device, uint64_t seed);

  Device& device() const { return step_.device(); }
  uint64_t seed() const { return seed_; }

  /// The next draw; recordings keep it and see the step move.
  Draw draw();
  Tensor uniform(const Shape& shape);
  Tensor normal(const Shape& shape);

  /// Until end_step, draws have this step and count their ops from 0. Submits one kernel.
  void begin_step(uint64_t step);
  void end_step();

 private:
  uint64_t seed_;
  Array<uint64_t> step_;  // [0] stays 0 for draws outside steps, [1] is the current step
  bool in_step_ = false;
  uint32_t next_outside_ = 0;
  uint32_t next_inside_ = 0;
};

}  // namespace wasserkern
