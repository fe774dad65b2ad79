#include "losses/transport/point_distances.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/transport.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern::losses {

PointDistances::PointDistances(const Tensor& points)
    : count_(points.shape().rows()), squares_(static_cast<size_t>(count_ * count_)) {
  constexpr LqCost kHalfSquare{.q = 2, .p = 2};
  constexpr int64_t kRows = 512;
  const TapeOff off;
  // A block of rows at a time, against itself and the rows before it.
  for (int64_t first = 0; first < count_; first += kRows) {
    const int64_t last = std::min(first + kRows, count_);
    const std::vector<float> costs =
        pairwise_cost(kHalfSquare, points.viewed_rows(first, last), points.viewed_rows(0, last)).to_host();
    for (int64_t i = first; i < last; ++i)
      for (int64_t j = 0; j <= i; ++j) {
        const float square = 2 * costs[static_cast<size_t>((i - first) * last + j)];
        if (!std::isfinite(square))
          throw DataError("clustering: points that are not finite or too far apart; look for NaN and infinity in them");
        squares_[static_cast<size_t>(i * count_ + j)] = square;
        squares_[static_cast<size_t>(j * count_ + i)] = square;
      }
  }
}

}  // namespace wasserkern::losses
