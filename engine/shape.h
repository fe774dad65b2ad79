#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "kernels/export.h"

namespace wasserkern {

/// The extents of a tensor, outermost first; at most kMaxRank of them. Rank 0 is a scalar.
class WASSERKERN_API Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  /// Throws ShapeError for a negative extent, too many of them, or an overflowing size.
  Shape(std::initializer_list<int64_t> extents);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return extents_[static_cast<size_t>(axis)]; }
  int64_t size() const { return size_; }
  /// The tensor as a matrix: the first axis, and all others together. A scalar is [1, 1].
  int64_t rows() const { return rank_ == 0 ? 1 : extents_[0]; }
  int64_t columns() const;
  /// The same with another first extent.
  Shape with_rows(int64_t rows) const;
  /// [count, ...]: that many of this shape. Throws ShapeError as the constructor does.
  Shape batch_of(int64_t count) const;
  std::string text() const;

  bool operator==(const Shape& other) const { return rank_ == other.rank_ && extents_ == other.extents_; }

 private:
  void set(const int64_t* extents, int rank);

  std::array<int64_t, kMaxRank> extents_{};
  int rank_ = 0;
  int64_t size_ = 1;
};

}  // namespace wasserkern
