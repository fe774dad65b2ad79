#include "kernels/assignment.h"

#include <omp.h>

#include "kernels/cpu/double_word.h"
#include "kernels/cpu/minima.h"
#include "kernels/cpu/pair_grid.h"

WASSERKERN_PER_ISA(                                                                   //
    int64_t assignment_scratch(int64_t n);                                            //
    void assignment_kernel(int threads, int64_t problems, Matrix<const float> costs,  //
                           const Assignments& out, void* workspace);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// Arrays one after the other in memory that somebody else owns; from nowhere it only counts bytes.
class Scratch {
 public:
  explicit Scratch(void* memory) : memory_(static_cast<char*>(memory)) {}
  template <class T>
  T* take(int64_t count) {
    constexpr int64_t kAlignment = 64;
    const int64_t begin = used_;
    used_ += divided_up(count * static_cast<int64_t>(sizeof(T)), kAlignment) * kAlignment;
    return memory_ ? reinterpret_cast<T*>(memory_ + begin) : nullptr;
  }
  int64_t used() const { return used_; }

 private:
  char* memory_;
  int64_t used_ = 0;
};

/// Solves problems of n rows, one after the other, after Jonker and Volgenant (1987). What lies in memory as a row is
/// padded to whole words, with infinite costs. An unassigned row or column has -1 as its partner.
class Solver {
 public:
  Solver(int64_t n, Scratch scratch)
      : n_(static_cast<int32_t>(n)),
        width_(divided_up(n, kPadding) * kPadding),
        costs_(scratch.take<float>(n * width_)),
        least_{scratch.take<float>(width_), scratch.take<int32_t>(width_)},
        v_(scratch.take<double>(width_)),
        open_(scratch.take<double>(width_)),
        reach_(scratch.take<double>(width_)),
        from_(scratch.take<int64_t>(width_)),
        column_of_(scratch.take<int32_t>(n)),
        row_of_(scratch.take<int32_t>(n)),
        free_(scratch.take<int32_t>(n)),
        settled_(scratch.take<Settled>(n)),
        bytes_(scratch.used()) {}

  int64_t bytes() const { return bytes_; }

  /// Row i has the column columns[i] + first_column.
  void solve(Matrix<const float> costs, int32_t first_column, int32_t* columns, double* u, double* v,
             AssignmentValue* value) {
    if (copy(costs)) {
      // Reduced rows make for few searches, but may drive potentials far beyond the optimum, which costs digits. The
      // searches alone move them by no more than the optimum grows.
      for (const bool reduced : {true, false}) {
        start();
        if (reduced) reduce_rows();
        for (int32_t k = 0; k < free_count_; ++k) augment(free_[k]);
        *value = check(u);
        if (value->certified()) break;
      }
    } else {
      refuse(u, value);
    }
    for (int32_t j = 0; j < n_; ++j) v[j] = v_[j];
    for (int32_t i = 0; i < n_; ++i) columns[i] = column_of_[i] + first_column;
  }

 private:
  static constexpr int64_t kPadding = 16;  // a whole number of words of any instruction set
  struct Settled {
    int32_t column;
    double distance;
  };
  struct BestTwo {
    double best, second;
    int32_t column;
  };

  const float* row(int32_t i) const { return costs_ + i * width_; }
  double cost(int32_t i, int32_t j) const { return double{row(i)[j]}; }

  /// Whether all costs are finite.
  bool copy(Matrix<const float> costs) {
    Word zero(0.0f);  // or NaN: what is not finite, less itself
    for (int64_t i = 0; i < n_; ++i) {
      float* to = costs_ + i * width_;
      for (int64_t at = 0; at < n_; at += Word::kLanes) {
        const Word word = Word::load_up_to(costs.data + i * costs.stride + at, n_ - at);
        zero = zero + (word - word);
        word.store(to + at);
      }
      for (int64_t at = n_; at < width_; ++at) to[at] = HUGE_VALF;
    }
    return zero.sum() == 0;
  }

  /// Each column's potential is its least cost; the first column of a row that is its place gets it.
  void start() {
    for (int64_t at = 0; at < width_; ++at) {
      least_.best[at] = HUGE_VALF;
      least_.place[at] = 0;
    }
    for (int64_t at = 0; at < width_; at += Word::kLanes) {
      WordMinima minima({least_.best + at, least_.place + at});
      for (int32_t i = 0; i < n_; ++i) minima.take(Word::load_aligned(row(i) + at), i);
      minima.store({least_.best + at, least_.place + at});
    }
    for (int32_t i = 0; i < n_; ++i) column_of_[i] = -1;
    for (int64_t j = n_; j < width_; ++j) v_[j] = 0;
    for (int32_t j = 0; j < n_; ++j) {
      const int32_t i = least_.place[j];
      const bool first = column_of_[i] < 0;
      v_[j] = double{least_.best[j]};
      row_of_[j] = first ? i : -1;
      if (first) column_of_[i] = j;
    }
    free_count_ = 0;
    for (int32_t i = 0; i < n_; ++i)
      if (column_of_[i] < 0) free_[free_count_++] = i;
  }

  /// The two least c_ij - v_j of a row, and where the first is.
  HWY_INLINE BestTwo best_two(int32_t i) const {
    LeastOfLanes least;
    DoubleWord second(HUGE_VAL);
    for (int64_t at = 0; at < width_; at += DoubleWord::kLanes) {
      const DoubleWord value = DoubleWord::load_aligned(row(i) + at) - DoubleWord::load_aligned(v_ + at);
      second = min(second, max(value, least.of_lanes()));
      least.take(value);
    }
    const double best = least.value();
    const int lane = least.lane_of(best);
    return {best, min(second, least.of_lanes_but(lane)).least(), least.place_in(lane)};
  }

  /// Twice through the free rows: each takes its best column, whose potential falls until the second best is as good.
  /// The row that had it has its turn at once, n times in all, and then in the next round.
  void reduce_rows() {
    int32_t at_once = n_;
    for (int round = 0; round < 2; ++round) {
      const int32_t count = free_count_;
      free_count_ = 0;
      for (int32_t next = 0; next < count;) {
        const int32_t i = free_[next++];
        BestTwo best = best_two(i);
        const double lowered = v_[best.column] - (best.second - best.best);
        const bool lower = lowered < v_[best.column];
        if (lower)
          v_[best.column] = lowered;
        else if (row_of_[best.column] >= 0)
          best.column = free_column_at(i, best);
        const int32_t displaced = row_of_[best.column];
        column_of_[i] = best.column;
        row_of_[best.column] = i;
        if (displaced < 0) continue;
        column_of_[displaced] = -1;
        if (lower && at_once-- > 0)
          free_[--next] = displaced;
        else
          free_[free_count_++] = displaced;
      }
    }
  }

  /// A free column of row i as good as its best, if there is one.
  int32_t free_column_at(int32_t i, const BestTwo& best) const {
    for (int32_t j = 0; j < n_; ++j)
      if (row_of_[j] < 0 && cost(i, j) - v_[j] <= best.best) return j;
    return best.column;
  }

  /// Assigns row `start` too, along a shortest path by Dijkstra's method. Columns to which the shortest path is known
  /// are settled: nothing is open there any more.
  void augment(int32_t start) {
    for (int64_t at = 0; at < width_; at += DoubleWord::kLanes) {
      DoubleWord(HUGE_VAL).store(reach_ + at);
      DoubleWord::load_aligned(v_ + at).store(open_ + at);
    }
    int32_t count = 0, i = start, j;
    double offset = 0, distance;
    for (;;) {
      j = nearest_column(i, offset, &distance);
      if (row_of_[j] < 0) break;
      settled_[count++] = {j, distance};
      open_[j] = -HUGE_VAL;
      reach_[j] = HUGE_VAL;
      i = row_of_[j];
      offset = (cost(i, j) - v_[j]) - distance;
    }
    for (int32_t k = 0; k < count; ++k) v_[settled_[k].column] += settled_[k].distance - distance;
    for (;;) {
      i = static_cast<int32_t>(from_[j]);
      row_of_[j] = i;
      const int32_t before = column_of_[i];
      column_of_[i] = j;
      if (i == start) return;
      j = before;
    }
  }

  /// Takes the paths over row i in; of the columns that are not settled the nearest.
  HWY_INLINE int32_t nearest_column(int32_t i, double offset, double* distance) {
    LeastOfLanes least;
    const DoubleWord less(offset);
    for (int64_t at = 0; at < width_; at += DoubleWord::kLanes) {
      const DoubleWord path = DoubleWord::load_aligned(row(i) + at) - DoubleWord::load_aligned(open_ + at) - less;
      const DoubleWord before = DoubleWord::load_aligned(reach_ + at), nearer = min(path, before);
      store_where_less(path, before, i, from_ + at);
      nearer.store(reach_ + at);
      least.take(nearer);
    }
    *distance = least.value();
    return least.place_in(least.lane_of(*distance));
  }

  /// Rows get the potentials that the assignment is tight for, and all pairs are looked at.
  AssignmentValue check(double* u) const {
    DoubleWord excess(0.0);
    double cost_sum = 0, dual = 0, size = 0;
    for (int32_t i = 0; i < n_; ++i) {
      const double c = cost(i, column_of_[i]), v = v_[column_of_[i]];
      u[i] = c - v;
      cost_sum += c;
      dual += u[i] + v;
      size += __builtin_fabs(c);
      for (int64_t at = 0; at < width_; at += DoubleWord::kLanes)
        excess =
            max(excess, DoubleWord(u[i]) + DoubleWord::load_aligned(v_ + at) - DoubleWord::load_aligned(row(i) + at));
    }
    return {cost_sum, dual - n_ * excess.largest(), size};
  }

  /// The permutation that moves all rows alike and meets the first cost that is not finite.
  void refuse(double* u, AssignmentValue* value) {
    int64_t at = 0;
    while (row(static_cast<int32_t>(at / n_))[at % n_] - row(static_cast<int32_t>(at / n_))[at % n_] == 0) ++at;
    for (int32_t i = 0; i < n_; ++i) {
      column_of_[i] = static_cast<int32_t>((i + at % n_ + n_ - at / n_) % n_);
      u[i] = v_[i] = __builtin_nan("");
    }
    *value = {__builtin_nan(""), __builtin_nan(""), __builtin_nan("")};
  }

  int32_t n_;
  int64_t width_;
  float* costs_;
  Minima least_;  // of a column
  double* v_;
  double* open_;   // v, or -infinity where settled
  double* reach_;  // the length of the shortest path so far, infinite where settled
  int64_t* from_;  // the row before a column on that path
  int32_t* column_of_;
  int32_t* row_of_;
  int32_t* free_;
  int32_t free_count_ = 0;
  Settled* settled_;
  int64_t bytes_;
};

}  // namespace

int64_t assignment_scratch(int64_t n) { return Solver(n, Scratch(nullptr)).bytes(); }

void assignment_kernel(int threads, int64_t problems, Matrix<const float> costs, const Assignments& out,
                       void* workspace) {
  const int64_t n = costs.columns;
#pragma omp parallel num_threads(threads)
  {
    char* own = static_cast<char*>(workspace) + omp_get_thread_num() * assignment_scratch(n);
    Solver solver(n, Scratch(own));
    // They take times of their own.
#pragma omp for schedule(dynamic)
    for (int64_t problem = 0; problem < problems; ++problem) {
      const int64_t first = problem * n;
      solver.solve({costs.data + first * costs.stride, n, n, costs.stride},
                   static_cast<int32_t>(out.rows_before + first), out.columns.data + first,
                   out.row_potential.data + first, out.column_potential.data + first, out.value.data + problem);
    }
  }
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void assignment(CpuStream& stream, int64_t problems, Matrix<const float> costs, const Assignments& out) {
  check_assignment(problems, costs, out);
  if (problems == 0) return;
  const auto threads = static_cast<int>(smaller(stream.threads(), problems));
  const int64_t bytes = threads * WASSERKERN_SIMD(assignment_scratch)(costs.columns);
  WASSERKERN_SIMD(assignment_kernel)(threads, problems, costs, out, stream.workspace(static_cast<size_t>(bytes)));
}

}  // namespace wasserkern

#endif
