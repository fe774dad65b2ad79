#include "engine/ops/group_sort.h"

#include "engine/array.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/group_sort.h"

namespace wasserkern {
namespace {

/// Where the values of a tensor came from, as columns of its rows.
using Origin = Array<int32_t>;

Matrix<int32_t> matrix(const Origin& origin, const Tensor& like) {
  return {origin.data(), like.shape().rows(), like.shape().columns()};
}

enum class Direction { Permute, Restore };

/// The values of x in the order that `origin` names, or back from it. Each is the other's derivative.
Tensor reordered(const Tensor& x, const Origin& origin, Direction direction) {
  Tensor out = Tensor::empty(x.device(), x.shape());
  submit(x.device(), [=, from = x.matrix(), columns = matrix(origin, x), to = out.matrix()](auto& stream) {
    if (direction == Direction::Permute)
      permute_columns(stream, from, columns, to);
    else
      restore_columns(stream, from, columns, to);
  });
  const Direction other = direction == Direction::Permute ? Direction::Restore : Direction::Permute;
  return taped("group_sort's derivative", out, {x},
               [=](Sweep& sweep) { sweep.give(0, reordered(sweep.gradient(), origin, other)); });
}

/// Sorts, and says in `origin` from where.
Tensor sorted(const Tensor& x, int64_t size, const Origin& origin) {
  Tensor out = Tensor::empty(x.device(), x.shape());
  submit(x.device(), [=, from = x.matrix(), columns = matrix(origin, x), to = out.matrix()](auto& stream) {
    group_sort(stream, size, from, to, columns);
  });
  return taped("group_sort", out, {x},
               [=](Sweep& sweep) { sweep.give(0, reordered(sweep.gradient(), origin, Direction::Restore)); });
}

}  // namespace

Tensor group_sort(const Tensor& x, int64_t size) { return sorted(x, size, Origin(x.device(), x.size())); }

}  // namespace wasserkern
