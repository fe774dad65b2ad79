#include "engine/shape.h"

#include <algorithm>
#include <limits>

#include "kernels/error.h"

namespace wasserkern {

Shape::Shape(std::initializer_list<int64_t> extents) { set(extents.begin(), static_cast<int>(extents.size())); }

void Shape::set(const int64_t* extents, int rank) {
  if (rank > kMaxRank) throw ShapeError("shape of rank " + std::to_string(rank) + "; at most 5 is supported");
  rank_ = rank;
  size_ = 1;
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t extent = extents[axis];
    extents_[static_cast<size_t>(axis)] = extent;
    if (extent < 0) throw ShapeError("shape with the negative extent " + std::to_string(extent));
    if (extent > 0 && size_ > std::numeric_limits<int64_t>::max() / static_cast<int64_t>(sizeof(double)) / extent)
      throw ShapeError("shape whose size overflows at extent " + std::to_string(extent));
    size_ *= extent;
  }
}

int64_t Shape::columns() const {
  int64_t columns = 1;
  for (int axis = 1; axis < rank_; ++axis) columns *= extents_[static_cast<size_t>(axis)];
  return columns;
}

Shape Shape::with_rows(int64_t rows) const {
  if (rank_ == 0) throw ShapeError("a scalar has no rows to change");
  std::array<int64_t, kMaxRank> extents = extents_;
  extents[0] = rows;
  Shape changed;
  changed.set(extents.data(), rank_);
  return changed;
}

Shape Shape::batch_of(int64_t count) const {
  std::array<int64_t, kMaxRank + 1> extents{count};
  std::copy_n(extents_.begin(), rank_, extents.begin() + 1);
  Shape batch;
  batch.set(extents.data(), rank_ + 1);
  return batch;
}

std::string Shape::text() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis)
    text += (axis ? ", " : "") + std::to_string(extents_[static_cast<size_t>(axis)]);
  return text + "]";
}

}  // namespace wasserkern
