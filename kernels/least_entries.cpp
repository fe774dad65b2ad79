#include "kernels/least_entries.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd.h"
#include "kernels/nearest_list.h"

namespace wasserkern {

/// The arguments of least_entries, on their way into code that is compiled per instruction set.
struct LeastEntries {
  Matrix<const float> costs;
  RowSearches searches;
  Vector<const float> price;
  Matrix<float> values;
  Matrix<int32_t> columns;
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                    //
    void least_entries_kernel(const LeastEntries& task, int threads);  //
    void reduced_minima_kernel(Matrix<const float> costs, Vector<const double> potential, Vector<double> out,
                               int threads);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kEntriesPerThread = 1 << 18;

/// Takes the columns [begin, end) of a row with sums below `limit` into its list. Most are too dear, which a whole word
/// sees at once.
HWY_INLINE void search(const float* costs, const float* price, int64_t begin, int64_t end, float limit,
                       NearestList list) {
  constexpr Word::Tag tag;
  const auto last = [&] { return list.last() < limit ? list.last() : limit; };
  auto last_word = hn::Set(tag, last());
  for (int64_t j = begin; j < end; j += Word::kLanes) {
    const Word sums = Word::load_up_to(costs + j, end - j) + Word::load_up_to(price + j, end - j);
    if (hn::AllTrue(tag, hn::Ge(sums.v, last_word))) continue;
    alignas(64) float of_lanes[Word::kLanes];
    sums.store(of_lanes);
    for (int lane = 0; lane < Word::kLanes && j + lane < end; ++lane)
      if (NearestList::precedes(of_lanes[lane], last())) list.insert(of_lanes[lane], static_cast<int32_t>(j + lane));
    last_word = hn::Set(tag, last());
  }
}

HWY_INLINE void search_row(const LeastEntries& task, int64_t at) {
  const float* costs = task.costs.data + task.searches.rows.data[at] * task.costs.stride;
  const int64_t first = task.searches.first_columns.data[at];
  const float limit = nextafterf(task.searches.bounds.data[at], HUGE_VALF);
  float* values = task.values.data + at * task.values.stride;
  int32_t* columns = task.columns.data + at * task.columns.stride;
  const NearestList list{values, columns, 1, task.columns.columns};
  list.clear();
  search(costs, task.price.data, first, task.costs.columns, limit, list);
  search(costs, task.price.data, 0, first, limit, list);
  list.complete();
  for (int64_t k = 0; k < list.size; ++k) values[k] = costs[columns[k]];
}

HWY_INLINE double reduced_minimum(const float* costs, const double* potential, int64_t size) {
  constexpr hn::ScalableTag<double> tag;
  constexpr hn::Rebind<float, hn::ScalableTag<double>> narrow;
  constexpr int64_t kLanes = HWY_LANES(double), kChains = 4;
  using Double = hn::Vec<hn::ScalableTag<double>>;
  const Double zero = hn::Zero(tag);
  Double least[kChains], strange = zero;  // strange: NaN once a cost was not finite
  for (Double& chain : least) chain = hn::Set(tag, HUGE_VAL);
  int64_t j = 0;
  for (; j + kChains * kLanes <= size; j += kChains * kLanes)
    for (int64_t chain = 0; chain < kChains; ++chain) {
      const Double cost = hn::PromoteTo(tag, hn::LoadU(narrow, costs + j + chain * kLanes));
      least[chain] = hn::Min(least[chain], hn::Sub(cost, hn::LoadU(tag, potential + j + chain * kLanes)));
      strange = hn::MulAdd(cost, zero, strange);
    }
  double best = hn::GetLane(hn::MinOfLanes(tag, hn::Min(hn::Min(least[0], least[1]), hn::Min(least[2], least[3]))));
  double left = hn::GetLane(hn::SumOfLanes(tag, strange));
  for (; j < size; ++j) {
    const double reduced = double{costs[j]} - potential[j];
    best = reduced < best ? reduced : best;
    left += double{costs[j]} * 0;
  }
  return best + left;
}

}  // namespace

void least_entries_kernel(const LeastEntries& task, int threads) {
  const int64_t rows_per_thread = 1 + kEntriesPerThread / task.costs.columns;
  parallel_ranges(threads, task.searches.rows.size, rows_per_thread, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) search_row(task, at);
  });
}

void reduced_minima_kernel(Matrix<const float> costs, Vector<const double> potential, Vector<double> out, int threads) {
  const int64_t rows_per_thread = 1 + kEntriesPerThread / costs.columns;
  parallel_ranges(threads, costs.rows, rows_per_thread, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      out.data[i] = reduced_minimum(costs.data + i * costs.stride, potential.data, costs.columns);
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/least_contracts.h"

namespace wasserkern {

void least_entries(CpuStream& stream, Matrix<const float> costs, const RowSearches& searches, Vector<const float> price,
                   Matrix<float> values, Matrix<int32_t> columns) {
  check_least_entries(costs, searches, price, values, columns);
  const LeastEntries task{costs, searches, price, values, columns};
  WASSERKERN_SIMD(least_entries_kernel)(task, stream.threads());
}

void reduced_minima(CpuStream& stream, Matrix<const float> costs, Vector<const double> potential, Vector<double> out) {
  check_reduced_minima(costs, potential, out);
  WASSERKERN_SIMD(reduced_minima_kernel)(costs, potential, out, stream.threads());
}

}  // namespace wasserkern

#endif
