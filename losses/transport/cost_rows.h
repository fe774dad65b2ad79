#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor.h"
#include "kernels/cost/cost.h"
#include "losses/transport/transport_plan.h"

namespace wasserkern::losses {

/// For each row, the columns that may be best for it: those of least cost plus price when it was last searched. Prices
/// only rise in exact transport, so that a floor stays true for good: no column that is not listed has less.
struct Candidates {
  int64_t size;  // k, of each list
  std::vector<float> cost;
  std::vector<int32_t> column;
  std::vector<double> floor;

  Candidates(int64_t rows, int64_t columns);
};

/// The rows of a cost matrix, which is in memory or not.
class CostRows {
 public:
  /// A matrix [m, n].
  explicit CostRows(const Tensor& costs);
  /// Costs of points, taken again whenever they are asked for.
  CostRows(const Cost& cost, const Tensor& sources, const Tensor& targets);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }

  /// Lists these rows anew. Prices are no lower than at the last search. Throws DataError for costs that are not finite
  /// where it meets them.
  void search(std::span<const int32_t> rows, const Prices& prices, Candidates& candidates) const;
  /// One row, whole.
  std::vector<float> row(int32_t i) const;
  /// min_j cost(i, j) - potential[j] over all pairs, in double. Throws DataError if any cost is not finite.
  std::vector<double> reduced_minima(std::span<const double> potential) const;

 private:
  int64_t panel_rows() const;
  /// These rows, at most panel_rows(), until the next call.
  Tensor panel_of(std::span<const int32_t> rows) const;

  int64_t rows_, columns_;
  Tensor costs_;  // undefined when there is no matrix
  Cost cost_;
  Tensor sources_, targets_, packed_targets_, panel_;
};

}  // namespace wasserkern::losses
