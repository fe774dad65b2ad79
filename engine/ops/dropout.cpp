#include "engine/ops/dropout.h"

#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "kernels/random.h"

namespace wasserkern {
namespace {

/// The mask of `draw`, applied; its derivative applies it again.
Tensor masked(const Tensor& x, float rate, Draw draw) {
  Tensor out = Tensor::empty(x.device(), x.shape());
  submit(x.device(), [=, from = x.vector(), to = out.vector()](auto& stream) {
    wasserkern::dropout(stream, draw, rate, from, to);
  });
  return taped("dropout", out, {x}, [=](Sweep& sweep) { sweep.give(0, masked(sweep.gradient(), rate, draw)); });
}

}  // namespace

Tensor dropout(const Tensor& x, float rate, Random& random) {
  if (!(rate >= 0 && rate < 1))
    throw UsageError("dropout: the rate is " + std::to_string(rate) + "; it must lie in [0, 1)");
  return rate == 0 ? x : masked(x, rate, random.draw());
}

}  // namespace wasserkern
