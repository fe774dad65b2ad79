#include "losses/transport/cost_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "engine/array.h"
#include "engine/ops/transport.h"
#include "engine/stream.h"
#include "kernels/error.h"
#include "kernels/least_entries.h"
#include "kernels/pairwise_cost.h"

namespace wasserkern::losses {
namespace {

constexpr int64_t kCandidates = 16;         // scanned at every bid, and as many again as a search takes in
constexpr int64_t kPanelEntries = 1 << 20;  // of rows that are taken again: they stay in cache

[[noreturn]] void fail_not_finite(int64_t row) {
  throw DataError("exact_transport: source " + std::to_string(row) +
                  " has a cost that is not finite; look for NaN, infinity and overflow in the points or costs");
}

/// How far a sum in float may be from that of a cost and an exact price: half a unit in the last place each of the
/// price and of the sum; twice that, to be sure.
double rounding(double sum, const Prices& prices) { return (std::abs(sum) + prices.largest()) * 0x1p-23; }

/// What the listed candidates of a row come to at most; infinity without a list.
float most_listed(const Candidates& candidates, const Prices& prices, int32_t row) {
  float most = -std::numeric_limits<float>::infinity();
  const auto first = static_cast<size_t>(row * candidates.size);
  for (size_t at = first; at < first + static_cast<size_t>(candidates.size); ++at)
    most = std::max(most, candidates.cost[at] + prices.rounded()[static_cast<size_t>(candidates.column[at])]);
  return most;
}

}  // namespace

Candidates::Candidates(int64_t rows, int64_t columns)
    : size(std::min(columns, kCandidates)),
      cost(static_cast<size_t>(rows * size), std::numeric_limits<float>::infinity()),
      column(static_cast<size_t>(rows * size)),
      floor(static_cast<size_t>(rows)) {}

CostRows::CostRows(const Tensor& costs) : rows_(costs.shape()[0]), columns_(costs.shape()[1]), costs_(costs) {}

CostRows::CostRows(const Cost& cost, const Tensor& sources, const Tensor& targets)
    : rows_(sources.shape().rows()),
      columns_(targets.shape().rows()),
      cost_(cost),
      sources_(sources),
      targets_(targets),
      panel_(Tensor::empty(targets.device(), {panel_rows(), columns_})) {
  targets.device().stream().visit([&](auto& stream) {
    packed_targets_ = Tensor::empty(targets.device(), {packed_targets_size(stream, targets.matrix())});
    pack_targets(stream, targets.matrix(), packed_targets_.vector());
  });
}

int64_t CostRows::panel_rows() const {
  return costs_.defined() ? rows_ : std::clamp<int64_t>(kPanelEntries / columns_, 16, std::max<int64_t>(rows_, 16));
}

Tensor CostRows::panel_of(std::span<const int32_t> rows) const {
  const Tensor some = gather_rows(sources_, Array<int32_t>(sources_.device(), rows));
  const Tensor panel = panel_.viewed_rows(0, some.shape().rows());
  submit(some.device(),
         [=, this, x = some.matrix(), y = targets_.matrix(), packed = packed_targets_.vector(),
          out = panel.matrix()](auto& stream) { pairwise_cost_packed(stream, cost_, x, y, packed, out); });
  return panel;
}

void CostRows::search(std::span<const int32_t> rows, const Prices& prices, Candidates& candidates) const {
  const auto most = static_cast<size_t>(panel_rows());
  for (; rows.size() > most; rows = rows.subspan(most)) search(rows.first(most), prices, candidates);
  const Tensor panel = costs_.defined() ? costs_ : panel_of(rows);
  Device& device = panel.device();
  const auto count = std::ssize(rows), k = candidates.size;
  std::vector<int32_t> panel_places(rows.begin(), rows.end()), starts;
  std::vector<float> bounds_of_rows;
  for (const int32_t row : rows) {
    starts.push_back(static_cast<int32_t>(row * columns_ / rows_));
    bounds_of_rows.push_back(most_listed(candidates, prices, row));
  }
  if (!costs_.defined()) std::iota(panel_places.begin(), panel_places.end(), 0);
  const Array<int32_t> places(device, panel_places), first_columns(device, starts), found(device, count * k);
  const Array<float> bounds(device, bounds_of_rows), rounded(device, prices.rounded()), costs(device, count * k);
  submit(device,
         [=, all = panel.matrix(), searches = RowSearches{places.vector(), first_columns.vector(), bounds.vector()},
          p = rounded.vector()](auto& stream) {
           least_entries(stream, all, searches, p, {costs.data(), count, k}, {found.data(), count, k});
         });
  const std::vector<float> values = costs.to_host();
  const std::vector<int32_t> columns = found.to_host();
  for (int64_t at = 0; at < count; ++at) {
    const int64_t row = rows[static_cast<size_t>(at)];
    for (int64_t entry = 0; entry < k; ++entry)
      if (!std::isfinite(values[static_cast<size_t>(at * k + entry)])) fail_not_finite(row);
    std::copy_n(values.begin() + at * k, k, candidates.cost.begin() + row * k);
    std::copy_n(columns.begin() + at * k, k, candidates.column.begin() + row * k);
    const auto last = static_cast<size_t>(at * k + k - 1);
    const double sum = values[last] + prices.rounded()[static_cast<size_t>(columns[last])];
    candidates.floor[static_cast<size_t>(row)] =
        k == columns_ ? std::numeric_limits<double>::infinity() : sum - rounding(sum, prices);
  }
}

std::vector<float> CostRows::row(int32_t i) const {
  const Tensor row = costs_.defined() ? costs_.viewed_rows(i, i + 1) : panel_of({&i, 1});
  return row.to_host();
}

std::vector<double> CostRows::reduced_minima(std::span<const double> potential) const {
  Device& device = (costs_.defined() ? costs_ : panel_).device();
  const Array<double> potentials(device, potential), minima(device, rows_);
  std::vector<int32_t> numbers;
  for (int64_t first = 0; first < rows_; first += panel_rows()) {
    const int64_t count = std::min(panel_rows(), rows_ - first);
    numbers.resize(static_cast<size_t>(count));
    std::iota(numbers.begin(), numbers.end(), static_cast<int32_t>(first));
    const Tensor panel = costs_.defined() ? costs_ : panel_of(numbers);
    submit(device, [all = panel.matrix(), v = potentials.vector(), out = Vector<double>{minima.data() + first, count}](
                       auto& stream) { wasserkern::reduced_minima(stream, all, v, out); });
  }
  std::vector<double> values = minima.to_host();
  for (size_t i = 0; i < values.size(); ++i)
    if (std::isnan(values[i])) fail_not_finite(static_cast<int64_t>(i));
  return values;
}

}  // namespace wasserkern::losses
