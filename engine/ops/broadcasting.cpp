#include "engine/ops/broadcasting.h"

#include <optional>

#include "kernels/error.h"

namespace wasserkern {
namespace {

using Kind = Broadcasting::Kind;

std::optional<Kind> kind_of(const Shape& small, const Shape& large) {
  if (small == large) return Kind::Whole;
  if (small.size() == 1) return Kind::Scalar;
  const int rank = large.rank();
  if (small.rank() == 1 && rank > 1 && small[0] == large[rank - 1]) return Kind::Row;
  if (small.rank() != rank || rank == 0) return std::nullopt;
  if (small[0] == 1 && small.with_rows(large[0]) == large) return Kind::Row;
  if (small[0] == large[0] && small.columns() == 1) return Kind::Column;
  return std::nullopt;
}

}  // namespace

Broadcasting::Broadcasting(const Shape& small, const Shape& large) {
  const auto found = kind_of(small, large);
  if (!found) throw ShapeError("shape " + small.text() + " cannot be broadcast to " + large.text());
  kind = *found;
  // A row may be one value per channel: as many columns as it has values.
  columns = kind == Kind::Row ? small.size() : large.columns();
  rows = kind == Kind::Row ? (small.size() ? large.size() / small.size() : 0) : large.rows();
}

Broadcast Broadcasting::view(const float* data) const {
  switch (kind) {
    case Kind::Whole: return {data, columns, 1};
    case Kind::Scalar: return {data, 0, 0};
    case Kind::Row: return {data, 0, 1};
    default: return {data, 1, 0};
  }
}

BroadcastPair::BroadcastPair(const Tensor& first, const Tensor& second) {
  const bool second_is_small = kind_of(second.shape(), first.shape()).has_value();
  const Tensor& large = second_is_small ? first : second;
  const Tensor& small = second_is_small ? second : first;
  const Broadcasting repeated(small.shape(), large.shape());
  shape = large.shape();
  rows = repeated.rows;
  columns = repeated.columns;
  const Broadcast whole{large.data(), columns, 1};
  x = second_is_small ? whole : repeated.view(first.data());
  y = second_is_small ? repeated.view(second.data()) : whole;
}

}  // namespace wasserkern
