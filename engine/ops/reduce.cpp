#include "engine/ops/reduce.h"

#include "engine/ops/broadcasting.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/view.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/reduce.h"

namespace wasserkern {
namespace {

/// [rows, 1, ...], as many extents as `shape` has.
Shape column_shape(const Shape& shape) {
  switch (shape.rank()) {
    case 0: return {};
    case 1: return {shape[0]};
    case 2: return {shape[0], 1};
    case 3: return {shape[0], 1, 1};
    case 4: return {shape[0], 1, 1, 1};
    default: return {shape[0], 1, 1, 1, 1};
  }
}

Tensor repeat_back(Sweep& sweep, const Shape& shape) { return broadcast_to(sweep.gradient(), shape); }

}  // namespace

Tensor sum(const Tensor& x) {
  Tensor out = Tensor::empty(x.device(), {});
  submit(x.device(), [from = x.vector(), to = out.vector()](auto& stream) { sum(stream, from, to); });
  return taped("sum", out, {x}, [shape = x.shape()](Sweep& sweep) { sweep.give(0, repeat_back(sweep, shape)); });
}

Tensor mean(const Tensor& x) {
  if (x.size() == 0) throw ShapeError("mean of a tensor of shape " + x.shape().text() + ": there is nothing in it");
  return sum(x) / static_cast<float>(x.size());
}

Tensor sum_over_rows(const Tensor& x) {
  Tensor out = Tensor::empty(x.device(), x.shape().rank() ? x.shape().with_rows(1) : Shape());
  submit(x.device(), [from = x.matrix(), to = out.vector()](auto& stream) { sum_over_rows(stream, from, to); });
  return taped("sum_over_rows", out, {x},
               [shape = x.shape()](Sweep& sweep) { sweep.give(0, repeat_back(sweep, shape)); });
}

Tensor sum_over_columns(const Tensor& x) {
  Tensor out = Tensor::empty(x.device(), column_shape(x.shape()));
  submit(x.device(), [from = x.matrix(), to = out.vector()](auto& stream) { sum_over_columns(stream, from, to); });
  return taped("sum_over_columns", out, {x},
               [shape = x.shape()](Sweep& sweep) { sweep.give(0, repeat_back(sweep, shape)); });
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const Broadcasting repeated(x.shape(), shape);
  Tensor out = Tensor::empty(x.device(), shape);
  submit(x.device(), [from = repeated.view(x.data()), to = Matrix<float>{out.data(), repeated.rows, repeated.columns}](
                         auto& stream) { broadcast(stream, from, to); });
  return taped("broadcast_to", out, {x},
               [shape = x.shape()](Sweep& sweep) { sweep.give(0, sum_to(sweep.gradient(), shape)); });
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const Broadcasting repeated(shape, x.shape());
  Tensor out = Tensor::empty(x.device(), shape);
  submit(x.device(), [kind = repeated.kind, from = Matrix<const float>{x.data(), repeated.rows, repeated.columns},
                      to = out.vector()](auto& stream) {
    switch (kind) {
      case Broadcasting::Kind::Row: return sum_over_rows(stream, from, to);
      case Broadcasting::Kind::Column: return sum_over_columns(stream, from, to);
      default: return sum(stream, {from.data, from.rows * from.columns}, to);
    }
  });
  return taped("sum_to", out, {x}, [shape = x.shape()](Sweep& sweep) { sweep.give(0, repeat_back(sweep, shape)); });
}

Tensor count_distinct(const Array<int32_t>& index, int64_t range) {
  Tensor out = Tensor::empty(index.device(), {});
  submit(index.device(), [range, from = Vector<const int32_t>(index.vector()), to = out.vector()](auto& stream) {
    count_distinct(stream, range, from, to);
  });
  return out;
}

}  // namespace wasserkern
