#include "kernels/assignment.h"

#include <algorithm>
#include <limits>

#include "kernels/contracts.h"
#include "kernels/cuda/lane_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/warp.cuh"

namespace wasserkern {
namespace {

// A block solves a problem: columns start from their least costs, then each row that is left over gets a column along a
// shortest path (Jonker and Volgenant 1987). A thread keeps every kThreads-th column; a step of a search is one look at
// a row and a minimum over the block. Steps wait for each other, so that a warp, which needs no barrier for a minimum,
// takes small problems alone.

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A column that a path ends at. The shortest path is joined first, one to a free column before others, then the
/// lowest.
struct PathEnd {
  double length;
  int32_t taken;
  int32_t column;

  __device__ __forceinline__ void join(PathEnd other) {
    if (other.length < length ||
        (other.length == length && (other.taken < taken || (other.taken == taken && other.column < column))))
      *this = other;
  }
};

/// The sums and the largest excess of a certificate.
struct Totals {
  double cost, dual, size, excess;

  __device__ __forceinline__ void join(const Totals& other) {
    cost += other.cost;
    dual += other.dual;
    size += other.size;
    excess = fmax(excess, other.excess);
  }
};

/// All threads' values joined, the same for every thread. Called by all of them.
template <int kThreads, class State>
__device__ __forceinline__ State join_block(State state) {
  for (int apart = 1; apart < cuda::kWarp; apart *= 2) state.join(cuda::of_lane(state, apart));
  if constexpr (kThreads > cuda::kWarp) {
    __shared__ State of_warps[kThreads / cuda::kWarp];
    if (threadIdx.x % cuda::kWarp == 0) of_warps[threadIdx.x / cuda::kWarp] = state;
    __syncthreads();
    state = of_warps[0];
    for (int warp = 1; warp < kThreads / cuda::kWarp; ++warp) state.join(of_warps[warp]);
    __syncthreads();
  }
  return state;
}

/// One problem of n rows. What is of a column is written by its thread alone, but for its row.
template <int kThreads>
class Problem {
 public:
  static constexpr int64_t kBytesPerColumn = 2 * sizeof(double) + 4 * sizeof(int32_t);

  __device__ Problem(int n, void* shared, const float* costs, int64_t stride)
      : n_(n),
        costs_(costs),
        stride_(stride),
        v_(static_cast<double*>(shared)),
        reach_(v_ + n),
        from_(reinterpret_cast<int32_t*>(reach_ + n)),
        settled_(from_ + n),
        column_of_(settled_ + n),
        row_of_(column_of_ + n) {}

  /// The answer to the problem at this place.
  __device__ void solve(int64_t index, const Assignments& out) {
    const int64_t first = index * n_;
    double* u = out.row_potential.data + first;
    AssignmentValue value{kNan, kNan, kNan};
    if (start()) {
      for (int i = 0; i < n_; ++i)
        if (column_of_[i] == n_) augment(i);
      value = check(u);
    } else {
      for_own([&](int i) { u[i] = kNan; });
    }
    for_own([&](int j) {
      out.columns.data[first + j] = static_cast<int32_t>(out.rows_before + first) + column_of_[j];
      out.column_potential.data[first + j] = v_[j];
    });
    if (threadIdx.x == 0) out.value.data[index] = value;
  }

 private:
  __device__ __forceinline__ double cost(int i, int j) const { return double{costs_[i * stride_ + j]}; }

  template <class Use>
  __device__ __forceinline__ void for_own(Use use) const {
    for (int j = static_cast<int>(threadIdx.x); j < n_; j += kThreads) use(j);
  }

  /// Each column's potential is its least cost; the first column of a row that is its place gets it. False if costs are
  /// not finite: then the assignment is the permutation that moves all rows alike and meets the first of those.
  __device__ bool start() {
    PathEnd strange{kInfinity, 0, 0};  // no path: the length counts the costs before
    for_own([&](int j) {
      column_of_[j] = n_;
      float least = costs_[j];
      int32_t place = 0;
      for (int i = 0; i < n_; ++i) {
        const float value = costs_[i * stride_ + j];
        if (!isfinite(value)) strange.join({static_cast<double>(i * n_ + j), 0, 0});
        if (value < least) {
          least = value;
          place = i;
        }
      }
      v_[j] = double{least};
      row_of_[j] = place;
    });
    strange = join_block<kThreads>(strange);
    __syncthreads();
    const bool finite = strange.length == kInfinity;
    if (finite) {
      for_own([&](int j) { atomicMin(&column_of_[row_of_[j]], j); });
      __syncthreads();
      for_own([&](int j) {
        if (column_of_[row_of_[j]] != j) row_of_[j] = -1;
      });
    } else {
      const int place = static_cast<int>(strange.length), moved = n_ + place % n_ - place / n_;
      for_own([&](int j) {
        column_of_[j] = (j + moved) % n_;
        v_[j] = kNan;
      });
    }
    __syncthreads();
    return finite;
  }

  /// Assigns row `first` too, along a shortest path by Dijkstra's method. Columns to which the shortest path is known
  /// are settled.
  __device__ void augment(int first) {
    for_own([&](int j) {
      reach_[j] = kInfinity;
      settled_[j] = 0;
    });
    int i = first;
    double offset = 0;
    PathEnd end;
    for (;;) {
      PathEnd own{kInfinity, 1, n_};
      for_own([&](int j) {
        if (settled_[j]) return;
        const double path = (cost(i, j) - v_[j]) - offset;
        if (path < reach_[j]) {
          reach_[j] = path;
          from_[j] = i;
        }
        own.join({reach_[j], row_of_[j] >= 0, j});
      });
      end = join_block<kThreads>(own);
      if (!end.taken) break;
      if (end.column % kThreads == threadIdx.x) settled_[end.column] = 1;
      i = row_of_[end.column];
      offset = (cost(i, end.column) - v_[end.column]) - end.length;
    }
    __syncthreads();  // the last look at potentials and partners of others
    for_own([&](int j) {
      if (settled_[j]) v_[j] += reach_[j] - end.length;
    });
    if (threadIdx.x == 0)
      for (int j = end.column;;) {
        i = from_[j];
        row_of_[j] = i;
        const int before = column_of_[i];
        column_of_[i] = j;
        if (i == first) break;
        j = before;
      }
    __syncthreads();
  }

  /// Rows get the potentials u that the assignment is tight for, and all pairs are looked at.
  __device__ AssignmentValue check(double* u) const {
    Totals totals{0, 0, 0, 0};
    for (int i = 0; i < n_; ++i) {
      const int column = column_of_[i];
      const double c = cost(i, column), v = v_[column], own_u = c - v;
      for_own([&](int j) { totals.excess = fmax(totals.excess, own_u + v_[j] - cost(i, j)); });
      if (i % kThreads != threadIdx.x) continue;
      u[i] = own_u;
      totals.join({c, own_u + v, fabs(c), 0});
    }
    totals = join_block<kThreads>(totals);
    return {totals.cost, totals.dual - n_ * totals.excess, totals.size};
  }

  int n_;
  const float* costs_;
  int64_t stride_;
  double* v_;
  double* reach_;       // the length of the shortest path so far
  int32_t* from_;       // the row before a column on that path
  int32_t* settled_;    // 1 where that path is known
  int32_t* column_of_;  // of a row; n: none
  int32_t* row_of_;     // of a column; -1: none
};

template <int kThreads>
__global__ void __launch_bounds__(kThreads)
    assignment_kernel(int64_t problems, Matrix<const float> costs, Assignments out) {
  extern __shared__ double shared[];
  const auto n = static_cast<int>(costs.columns);
  for (int64_t index = blockIdx.x; index < problems; index += gridDim.x) {
    Problem<kThreads> problem(n, shared, costs.data + index * n * costs.stride, costs.stride);
    problem.solve(index, out);
    __syncthreads();
  }
}

template <int kThreads>
void solve(CudaStream& stream, int64_t problems, Matrix<const float> costs, const Assignments& out) {
  constexpr int64_t kMostBlocks = 65535;
  static_assert(kMostAssigned * Problem<kThreads>::kBytesPerColumn <= 40 << 10, "a block has 48 KiB in all");
  cuda::launch_shared(stream, assignment_kernel<kThreads>, static_cast<unsigned>(std::min(problems, kMostBlocks)),
                      kThreads, static_cast<size_t>(costs.columns * Problem<kThreads>::kBytesPerColumn), problems,
                      costs, out);
}

}  // namespace

void assignment(CudaStream& stream, int64_t problems, Matrix<const float> costs, const Assignments& out) {
  check_assignment(problems, costs, out);
  if (problems == 0) return;
  constexpr int64_t kSmall = 128;
  if (costs.columns <= kSmall)
    solve<cuda::kWarp>(stream, problems, costs, out);
  else
    solve<256>(stream, problems, costs, out);
}

}  // namespace wasserkern
