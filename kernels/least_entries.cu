#include "kernels/least_entries.h"

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/warp.cuh"
#include "kernels/least_contracts.h"

namespace wasserkern {
namespace {

constexpr int kThreads = 256;

/// A column with its sum, in the order in which a list has them: NaN first, then by sum, then by when it is met.
struct Entry {
  float sum;
  int32_t met;

  __device__ __forceinline__ bool before(Entry other) const {
    const bool nan = sum != sum, other_nan = other.sum != other.sum;
    if (nan != other_nan) return nan;
    return sum < other.sum || (!(sum > other.sum) && met < other.met);
  }
};

/// The first of all threads' entries, in every thread.
__device__ Entry first_of_block(Entry entry) {
  __shared__ Entry of_warps[kThreads / cuda::kWarp];
  __shared__ Entry first;
  const auto join = [&](int apart) {
    const Entry other{__shfl_xor_sync(0xFFFFFFFF, entry.sum, apart), __shfl_xor_sync(0xFFFFFFFF, entry.met, apart)};
    if (other.before(entry)) entry = other;
  };
  for (int apart = cuda::kWarp / 2; apart > 0; apart /= 2) join(apart);
  const int thread = static_cast<int>(threadIdx.x);
  if (thread % cuda::kWarp == 0) of_warps[thread / cuda::kWarp] = entry;
  __syncthreads();
  if (thread < cuda::kWarp) {
    entry = of_warps[thread % (kThreads / cuda::kWarp)];
    for (int apart = kThreads / cuda::kWarp / 2; apart > 0; apart /= 2) join(apart);
    if (thread == 0) first = entry;
  }
  __syncthreads();
  return first;
}

/// A block per search: as many sweeps over the row, which stays in cache, as there are entries to find.
__global__ void __launch_bounds__(kThreads)
    search_kernel(Matrix<const float> costs, RowSearches searches, const float* price, Matrix<float> values,
                  Matrix<int32_t> columns) {
  const auto size = static_cast<int32_t>(costs.columns);
  for (int64_t at = blockIdx.x; at < searches.rows.size; at += gridDim.x) {
    const float* row = costs.data + searches.rows.data[at] * costs.stride;
    const int32_t start = searches.first_columns.data[at];
    const auto column_of = [=](int32_t met) { return met < size - start ? met + start : met - (size - start); };
    Entry last{__int_as_float(0x7FC00000), -1};  // before all
    for (int64_t k = 0; k < columns.columns; ++k) {
      Entry best{__int_as_float(0x7F800000), size};  // after all
      for (int32_t met = static_cast<int32_t>(threadIdx.x); met < size; met += kThreads) {
        const int32_t column = column_of(met);
        const Entry entry{row[column] + price[column], met};
        if (last.before(entry) && entry.before(best)) best = entry;
      }
      last = first_of_block(best);
      if (threadIdx.x > 0) continue;
      const int32_t column = column_of(last.met);
      values.data[at * values.stride + k] = row[column];
      columns.data[at * columns.stride + k] = column;
    }
  }
}

/// A block per row.
__global__ void __launch_bounds__(kThreads)
    minima_kernel(Matrix<const float> costs, const double* potential, double* out) {
  __shared__ double of_threads[kThreads];
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t i = blockIdx.x; i < costs.rows; i += gridDim.x) {
    const float* row = costs.data + i * costs.stride;
    double least = __longlong_as_double(0x7FF0000000000000), strange = 0;  // strange: NaN once a cost was not finite
    for (int64_t j = thread; j < costs.columns; j += kThreads) {
      const double cost = row[j];
      least = fmin(least, cost - potential[j]);
      strange += cost * 0;
    }
    of_threads[thread] = least + strange;
    for (int apart = kThreads / 2; apart > 0; apart /= 2) {
      __syncthreads();
      if (thread >= apart) continue;
      const double a = of_threads[thread], b = of_threads[thread + apart];
      of_threads[thread] = a != a || a < b ? a : b;
    }
    __syncthreads();
    if (thread == 0) out[i] = of_threads[0];
    __syncthreads();
  }
}

unsigned blocks_for_rows(CudaStream& stream, int64_t rows) {
  return cuda::blocks_for(stream, rows * kThreads, kThreads);
}

}  // namespace

void least_entries(CudaStream& stream, Matrix<const float> costs, const RowSearches& searches,
                   Vector<const float> price, Matrix<float> values, Matrix<int32_t> columns) {
  check_least_entries(costs, searches, price, values, columns);
  const int64_t count = searches.rows.size;
  if (count == 0) return;
  cuda::launch(stream, search_kernel, blocks_for_rows(stream, count), kThreads, costs, searches, price.data, values,
               columns);
}

void reduced_minima(CudaStream& stream, Matrix<const float> costs, Vector<const double> potential, Vector<double> out) {
  check_reduced_minima(costs, potential, out);
  if (costs.rows == 0) return;
  cuda::launch(stream, minima_kernel, blocks_for_rows(stream, costs.rows), kThreads, costs, potential.data, out.data);
}

}  // namespace wasserkern
