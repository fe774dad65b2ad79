#include "kernels/least_entries.h"

#include "kernels/cpu/double_word.h"
#include "kernels/cpu/parallel.h"

namespace wasserkern {

/// The arguments of least_entries, on their way into code that is compiled per instruction set.
struct LeastEntries {
  Matrix<const float> costs;
  RowSearches searches;
  Vector<const double> price;
  Matrix<float> values;
  Matrix<int32_t> columns;
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                                             //
    void least_entries_kernel(const LeastEntries& task, int threads);                           //
    void lower_to_columns_kernel(Matrix<const float> costs, Vector<float> least, int threads);  //
    void least_sums_kernel(Matrix<const float> costs, Vector<const double> price, Vector<double> out, int threads);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kEntriesPerThread = 1 << 18;
constexpr int64_t kMostEntries = 64;

constexpr int64_t kLanes = DoubleWord::kLanes;

/// The least sums of a row so far, ascending, and their columns.
class LeastSums {
 public:
  /// Of `size` sums that are at most `bound`.
  HWY_INLINE LeastSums(int64_t size, double bound) : size_(size), limit_(nextafter(bound, HUGE_VAL)) {
    for (int64_t at = 0; at < size; ++at) {
      sums_[at] = HUGE_VAL;
      columns_[at] = kNobody;
    }
  }

  /// What a sum must be below to get in, unless it is NaN.
  HWY_INLINE double limit() const { return sums_[size_ - 1] < limit_ ? sums_[size_ - 1] : limit_; }

  HWY_INLINE void take(double sum, int32_t column) {
    if (sum >= limit() || sums_[size_ - 1] != sums_[size_ - 1]) return;
    int64_t at = size_ - 1;
    for (; at > 0 && !(sum >= sums_[at - 1]) && sums_[at - 1] == sums_[at - 1]; --at) {
      sums_[at] = sums_[at - 1];
      columns_[at] = columns_[at - 1];
    }
    sums_[at] = sum;
    columns_[at] = column;
  }

  /// The columns, and their costs; of infinite sums, which never get in, those that are met first.
  HWY_INLINE void write(const float* costs, int64_t first, int64_t count, float* values, int32_t* columns) const {
    int64_t met = 0;
    for (int64_t at = 0; at < size_; ++at) {
      columns[at] = columns_[at];
      while (columns[at] == kNobody || (columns_[at] == kNobody && stands_in(columns, at, columns[at])))
        columns[at] = static_cast<int32_t>((first + met++) % count);
      values[at] = costs[columns[at]];
    }
  }

 private:
  static constexpr int32_t kNobody = -1;

  HWY_INLINE bool stands_in(const int32_t* columns, int64_t size, int32_t column) const {
    for (int64_t at = 0; at < size; ++at)
      if (columns[at] == column) return true;
    return false;
  }

  double sums_[kMostEntries];
  int32_t columns_[kMostEntries];
  int64_t size_;
  double limit_;
};

/// Takes the columns [begin, end) of a row into its list. Most are too dear, which a whole word sees at once.
HWY_INLINE void search(const float* costs, const double* price, int64_t begin, int64_t end, LeastSums& list) {
  const auto sums = [=](int64_t j) { return DoubleWord::load(costs + j) + DoubleWord::load(price + j); };
  DoubleWord limit(list.limit());
  int64_t j = begin;
  for (; j + 2 * kLanes <= end; j += 2 * kLanes) {
    if (all_at_least(sums(j), limit) & all_at_least(sums(j + kLanes), limit)) continue;
    for (int64_t lane = j; lane < j + 2 * kLanes; ++lane)
      list.take(costs[lane] + price[lane], static_cast<int32_t>(lane));
    limit = DoubleWord(list.limit());
  }
  for (; j < end; ++j) list.take(costs[j] + price[j], static_cast<int32_t>(j));
}

HWY_INLINE void search_row(const LeastEntries& task, int64_t at) {
  const float* costs = task.costs.data + task.searches.rows.data[at] * task.costs.stride;
  const int64_t first = task.searches.first_columns.data[at];
  LeastSums list(task.columns.columns, task.searches.bounds.data[at]);
  search(costs, task.price.data, first, task.costs.columns, list);
  search(costs, task.price.data, 0, first, list);
  list.write(costs, first, task.costs.columns, task.values.data + at * task.values.stride,
             task.columns.data + at * task.columns.stride);
}

HWY_INLINE double least_sum(const float* costs, const double* price, int64_t size) {
  constexpr int64_t kChains = 4;
  DoubleWord least[kChains], strange(0.0);  // strange: NaN once a cost was not finite
  for (DoubleWord& chain : least) chain = DoubleWord(HUGE_VAL);
  int64_t j = 0;
  for (; j + kChains * kLanes <= size; j += kChains * kLanes)
    for (int64_t chain = 0; chain < kChains; ++chain) {
      const int64_t at = j + chain * kLanes;
      const DoubleWord cost = DoubleWord::load(costs + at);
      least[chain] = min(least[chain], cost + DoubleWord::load(price + at));
      strange = strange + cost * DoubleWord(0.0);
    }
  double best = min(min(least[0], least[1]), min(least[2], least[3])).least(), left = strange.sum();
  for (; j < size; ++j) {
    const double sum = costs[j] + price[j];
    best = sum < best ? sum : best;
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

void least_sums_kernel(Matrix<const float> costs, Vector<const double> price, Vector<double> out, int threads) {
  const int64_t rows_per_thread = 1 + kEntriesPerThread / costs.columns;
  parallel_ranges(threads, costs.rows, rows_per_thread, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      out.data[i] = least_sum(costs.data + i * costs.stride, price.data, costs.columns);
  });
}

void lower_to_columns_kernel(Matrix<const float> costs, Vector<float> least, int threads) {
  constexpr int64_t kBlock = 2048;  // columns whose minima stay in cache
  parallel_ranges(threads, costs.columns, kBlock, [=](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += kBlock) {
      const int64_t last = first + kBlock < end ? first + kBlock : end;
      for (int64_t i = 0; i < costs.rows; ++i) {
        const float* row = costs.data + i * costs.stride;
        for (int64_t j = first; j < last; ++j) least.data[j] = row[j] < least.data[j] ? row[j] : least.data[j];
      }
    }
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/least_contracts.h"

namespace wasserkern {

void least_entries(CpuStream& stream, Matrix<const float> costs, const RowSearches& searches,
                   Vector<const double> price, Matrix<float> values, Matrix<int32_t> columns) {
  check_least_entries(costs, searches, price, values, columns);
  const LeastEntries task{costs, searches, price, values, columns};
  WASSERKERN_SIMD(least_entries_kernel)(task, stream.threads());
}

void least_sums(CpuStream& stream, Matrix<const float> costs, Vector<const double> price, Vector<double> out) {
  check_least_sums(costs, price, out);
  WASSERKERN_SIMD(least_sums_kernel)(costs, price, out, stream.threads());
}

void lower_to_columns(CpuStream& stream, Matrix<const float> costs, Vector<float> least) {
  check_lower_to_columns(costs, least);
  WASSERKERN_SIMD(lower_to_columns_kernel)(costs, least, stream.threads());
}

}  // namespace wasserkern

#endif
