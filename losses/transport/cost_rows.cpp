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

[[noreturn]] void fail_not_finite(const char* side, int64_t point) {
  throw DataError(std::string("exact_transport: ") + side + " " + std::to_string(point) +
                  " has a cost that is not finite; look for NaN, infinity and overflow in the points or costs");
}

/// What the listed candidates of a row come to at most; infinity without a list.
double most_listed(const Candidates& candidates, std::span<const double> price, int32_t row) {
  double most = -std::numeric_limits<double>::infinity();
  const auto first = static_cast<size_t>(row * candidates.size), last = first + static_cast<size_t>(candidates.size);
  for (size_t at = first; at < last; ++at)
    most = std::max(most, candidates.cost[at] + price[static_cast<size_t>(candidates.column[at])]);
  return most;
}

}  // namespace

Candidates::Candidates(int64_t rows, int64_t columns)
    : size(std::min(columns, kCandidates)),
      cost(static_cast<size_t>(rows * size), std::numeric_limits<float>::infinity()),
      column(static_cast<size_t>(rows * size)),
      floor(static_cast<size_t>(rows)) {}

void Candidates::list(std::span<const int32_t> rows, const std::vector<float>& costs,
                      const std::vector<int32_t>& columns, std::span<const double> price) {
  for (size_t at = 0; at < rows.size(); ++at) {
    const auto row = static_cast<size_t>(rows[at]), k = static_cast<size_t>(size);
    const size_t from = at * k, last = from + k - 1;
    if (!std::all_of(costs.begin() + static_cast<std::ptrdiff_t>(from),
                     costs.begin() + static_cast<std::ptrdiff_t>(last) + 1,
                     [](float cost) { return std::isfinite(cost); }))
      fail_not_finite("source", rows[at]);
    std::copy_n(costs.begin() + static_cast<std::ptrdiff_t>(from), k,
                cost.begin() + static_cast<std::ptrdiff_t>(row * k));
    std::copy_n(columns.begin() + static_cast<std::ptrdiff_t>(from), k,
                column.begin() + static_cast<std::ptrdiff_t>(row * k));
    floor[row] = size == std::ssize(price) ? std::numeric_limits<double>::infinity()
                                           : costs[last] + price[static_cast<size_t>(columns[last])];
  }
}

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

void CostRows::search(std::span<const int32_t> rows, std::span<const double> price, Candidates& candidates) const {
  const auto most = static_cast<size_t>(panel_rows());
  for (; rows.size() > most; rows = rows.subspan(most)) search(rows.first(most), price, candidates);

  const Tensor panel = costs_.defined() ? costs_ : panel_of(rows);
  const auto count = std::ssize(rows), k = candidates.size;
  std::vector<int32_t> places(rows.begin(), rows.end()), starts;
  if (!costs_.defined()) std::iota(places.begin(), places.end(), 0);
  std::vector<double> bounds;
  for (const int32_t row : rows) {
    starts.push_back(static_cast<int32_t>(row * columns_ / rows_));
    bounds.push_back(most_listed(candidates, price, row));
  }

  const Array<int32_t> panel_places(device(), places), first_columns(device(), starts), columns(device(), count * k);
  const Array<double> known_bounds(device(), bounds), prices(device(), price);
  const Array<float> costs(device(), count * k);
  submit(device(),
         [=, all = panel.matrix(), p = prices.vector(),
          searches = RowSearches{panel_places.vector(), first_columns.vector(), known_bounds.vector()}](auto& stream) {
           least_entries(stream, all, searches, p, {costs.data(), count, k}, {columns.data(), count, k});
         });
  candidates.list(rows, costs.to_host(), columns.to_host(), price);
}

std::vector<float> CostRows::row(int32_t i) const {
  const Tensor row = costs_.defined() ? costs_.viewed_rows(i, i + 1) : panel_of({&i, 1});
  std::vector<float> values = row.to_host();
  if (!std::all_of(values.begin(), values.end(), [](float cost) { return std::isfinite(cost); }))
    fail_not_finite("source", i);
  return values;
}

template <class Use>
void CostRows::for_each_panel(Use use) const {
  if (costs_.defined()) return use(int64_t{0}, costs_);
  std::vector<int32_t> numbers;
  for (int64_t first = 0; first < rows_; first += panel_rows()) {
    numbers.resize(static_cast<size_t>(std::min(panel_rows(), rows_ - first)));
    std::iota(numbers.begin(), numbers.end(), static_cast<int32_t>(first));
    use(first, panel_of(numbers));
  }
}

std::vector<float> CostRows::column_minima() const {
  const Tensor minima = Tensor::full(device(), {columns_}, std::numeric_limits<float>::infinity());
  for_each_panel([&](int64_t, const Tensor& panel) {
    submit(device(),
           [all = panel.matrix(), out = minima.vector()](auto& stream) { lower_to_columns(stream, all, out); });
  });
  std::vector<float> values = minima.to_host();
  for (size_t j = 0; j < values.size(); ++j)
    if (!std::isfinite(values[j])) fail_not_finite("target", static_cast<int64_t>(j));
  return values;
}

std::vector<double> CostRows::least_sums(std::span<const double> price) const {
  const Array<double> prices(device(), price), sums(device(), rows_);
  for_each_panel([&](int64_t first, const Tensor& panel) {
    submit(device(),
           [all = panel.matrix(), p = prices.vector(), out = Vector<double>{sums.data() + first, panel.shape()[0]}](
               auto& stream) { wasserkern::least_sums(stream, all, p, out); });
  });
  std::vector<double> values = sums.to_host();
  for (size_t i = 0; i < values.size(); ++i)
    if (std::isnan(values[i])) fail_not_finite("source", static_cast<int64_t>(i));
  return values;
}

}  // namespace wasserkern::losses
