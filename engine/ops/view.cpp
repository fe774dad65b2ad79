#include "engine/ops/view.h"

#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"

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

Tensor concatenate_rows(const Tensor& a, const Tensor& b) {
  if (a.shape().rank() == 0 || a.shape().with_rows(b.shape().rows()) != b.shape())
    throw ShapeError("concatenate_rows: " + a.shape().text() + " and " + b.shape().text() +
                     " differ in more than the first extent");
  const int64_t middle = a.shape().rows(), end = middle + b.shape().rows();
  Tensor out = Tensor::empty(a.device(), a.shape().with_rows(end));
  submit(a.device(), [first = a.vector(), second = b.vector(), top = out.viewed_rows(0, middle).vector(),
                      bottom = out.viewed_rows(middle, end).vector()](auto& stream) {
    copy(stream, first, top);
    copy(stream, second, bottom);
  });
  return taped("concatenate_rows", out, {a, b}, [middle, end](Sweep& sweep) {
    if (sweep.wants(0)) sweep.give(0, slice_rows(sweep.gradient(), 0, middle));
    if (sweep.wants(1)) sweep.give(1, slice_rows(sweep.gradient(), middle, end));
  });
}

}  // namespace wasserkern
