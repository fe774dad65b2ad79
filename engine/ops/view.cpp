#include "engine/ops/view.h"

#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/elementwise.h"

namespace wasserkern {
namespace {

/// The transpose of slice_rows: x at the rows from `begin` of `shape`, zeros elsewhere.
Tensor place_rows(const Tensor& x, const Shape& shape, int64_t begin) {
  Tensor out = Tensor::full(x.device(), shape, 0);
  const Tensor part = out.viewed_rows(begin, begin + x.shape().rows());
  submit(x.device(), [from = x.vector(), to = part.vector()](auto& stream) { copy(stream, from, to); });
  return taped("place_rows", out, {x}, [begin, rows = x.shape().rows()](Sweep& sweep) {
    sweep.give(0, slice_rows(sweep.gradient(), begin, begin + rows));
  });
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  return taped("reshape", x.viewed_as(shape), {x},
               [before = x.shape()](Sweep& sweep) { sweep.give(0, reshape(sweep.gradient(), before)); });
}

Tensor slice_rows(const Tensor& x, int64_t begin, int64_t end) {
  return taped("slice_rows", x.viewed_rows(begin, end), {x},
               [begin, shape = x.shape()](Sweep& sweep) { sweep.give(0, place_rows(sweep.gradient(), shape, begin)); });
}

}  // namespace wasserkern
