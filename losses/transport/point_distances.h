#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern::losses {

/// The squared Euclidean distances of all pairs of points, on the host: 4 n^2 bytes, for whoever looks at each of them
/// often enough. Made by the points' device.
class WASSERKERN_API PointDistances {
 public:
  /// points [n, ...]; throws DataError for points that are not finite, or further apart than floats go.
  explicit PointDistances(const Tensor& points);

  int64_t count() const { return count_; }
  /// |x_i - x_j|^2 for all j; exactly 0 for j = i, and the same seen from either side.
  const float* from(int64_t i) const { return squares_.data() + i * count_; }
  double between(int64_t i, int64_t j) const { return double{from(i)[j]}; }

 private:
  int64_t count_;
  std::vector<float> squares_;
};

}  // namespace wasserkern::losses
