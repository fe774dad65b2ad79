#include "engine/ops/interpolate.h"

#include "engine/stream.h"
#include "kernels/error.h"
#include "kernels/interpolate.h"

namespace wasserkern {

Tensor interpolate(const Tensor& x, const Tensor& y, Random& random) {
  if (x.shape() != y.shape())
    throw ShapeError("interpolate: y has shape " + y.shape().text() + ", expected that of x, " + x.shape().text());
  Tensor out = Tensor::empty(x.device(), x.shape());
  submit(x.device(), [draw = random.draw(), a = x.matrix(), b = y.matrix(), to = out.matrix()](auto& stream) {
    interpolate(stream, draw, a, b, to);
  });
  return out;
}

}  // namespace wasserkern
