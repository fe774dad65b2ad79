#include "kernels/rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/contracts.h"
#include "kernels/cpu/parallel.h"

namespace wasserkern {
namespace {

constexpr int64_t kGrain = 16384;         // elements worth a thread
constexpr int64_t kColumnsPerGrain = 64;  // whole cache lines, so that threads do not share them

size_t row_bytes(int64_t columns) { return static_cast<size_t>(columns) * sizeof(float); }

void fill_with_zeros(int threads, Matrix<float> out) {
  parallel_ranges(threads, out.rows, kGrain / (out.columns + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) std::memset(out.data + i * out.stride, 0, row_bytes(out.columns));
  });
}

}  // namespace

void gather_rows(CpuStream& stream, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out) {
  check_gather_rows(x, index, out);
  if (x.columns == 0) return;
  parallel_ranges(stream.threads(), out.rows, kGrain / (out.columns + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j)
      std::memcpy(out.data + j * out.stride, x.data + index.data[j] * x.stride, row_bytes(x.columns));
  });
}

void scatter_rows(CpuStream& stream, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out) {
  check_scatter_rows(x, index, out);
  if (out.columns == 0) return;
  fill_with_zeros(stream.threads(), out);
  // Threads divide the columns: each sum then has the order of j, and no row of out is looked for.
  const int64_t grain = std::max(kColumnsPerGrain, kGrain / (x.rows + 1) / kColumnsPerGrain * kColumnsPerGrain);
  parallel_ranges(stream.threads(), x.columns, grain, [=](int64_t begin, int64_t end) {
    for (int64_t j = 0; j < x.rows; ++j) {
      const float* from = x.data + j * x.stride;
      float* to = out.data + index.data[j] * out.stride;
      for (int64_t k = begin; k < end; ++k) to[k] += from[k];
    }
  });
}

}  // namespace wasserkern
