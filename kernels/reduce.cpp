#include "kernels/reduce.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/sums.h"

WASSERKERN_PER_ISA(                                                                         //
    int64_t sum_chunks(int64_t size);                                                       //
    void sum_kernel(int threads, const float* x, int64_t size, double* parts, float* out);  //
    void sum_over_rows_kernel(int threads, Matrix<const float> x, float* out);              //
    void sum_over_columns_kernel(int threads, Matrix<const float> x, float* out);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kRowsPerBlock = 256;  // rows summed before they join the total, against rounding
constexpr int64_t kGrain = 16384;

/// Columns [j, j + kWords lanes) of the sum over rows, of which `count` exist: wide enough that a row's cache lines are
/// neighbours.
template <int kWords>
HWY_INLINE void sum_strip(Matrix<const float> x, int64_t j, int64_t count, float* out) {
  Word totals[kWords];
  for (int word = 0; word < kWords; ++word) totals[word] = Word(0.0f);
  for (int64_t begin = 0; begin < x.rows; begin += kRowsPerBlock) {
    const int64_t end = begin + kRowsPerBlock < x.rows ? begin + kRowsPerBlock : x.rows;
    Word block[kWords];
    for (int word = 0; word < kWords; ++word) block[word] = Word(0.0f);
    for (int64_t i = begin; i < end; ++i) {
      const float* row = x.data + i * x.stride + j;
      for (int word = 0; word < kWords; ++word)
        block[word] = block[word] + (kWords > 1 ? Word::load(row + word * Word::kLanes) : Word::load_up_to(row, count));
    }
    for (int word = 0; word < kWords; ++word) totals[word] = totals[word] + block[word];
  }
  for (int word = 0; word < kWords; ++word)
    if (kWords > 1)
      totals[word].store(out + j + word * Word::kLanes);
    else
      totals[word].store_up_to(out + j, count);
}

}  // namespace

int64_t sum_chunks(int64_t size) { return (size + kChunk - 1) / kChunk; }

void sum_kernel(int threads, const float* x, int64_t size, double* parts, float* out) {
  parallel_ranges(threads, size, 4 * kChunk, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kChunk)
      parts[i / kChunk] = sum_of(x + i, end - i < kChunk ? end - i : kChunk);
  });
  double total = 0;
  for (int64_t part = 0; part < sum_chunks(size); ++part) total += parts[part];
  *out = static_cast<float>(total);
}

void sum_over_rows_kernel(int threads, Matrix<const float> x, float* out) {
  constexpr int kWide = 8;  // words
  const int64_t columns_per_grain = (kGrain / (x.rows + 1) / Word::kLanes + 1) * Word::kLanes;
  parallel_ranges(threads, x.columns, columns_per_grain, [=](int64_t begin, int64_t end) {
    int64_t j = begin;
    for (; j + kWide * Word::kLanes <= end; j += kWide * Word::kLanes) sum_strip<kWide>(x, j, end - j, out);
    for (; j < end; j += Word::kLanes) sum_strip<1>(x, j, end - j, out);
  });
}

void sum_over_columns_kernel(int threads, Matrix<const float> x, float* out) {
  parallel_ranges(threads, x.rows, kGrain / (x.columns + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = static_cast<float>(sum_in_chunks(x.data + i * x.stride, x.columns));
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include <cstring>

#include "kernels/check.h"

namespace wasserkern {

void sum(CpuStream& stream, Vector<const float> x, Vector<float> out) {
  check_equal("sum: size of out", out.size, 1);
  auto* parts =
      static_cast<double*>(stream.workspace(static_cast<size_t>(WASSERKERN_SIMD(sum_chunks)(x.size)) * sizeof(double)));
  WASSERKERN_SIMD(sum_kernel)(stream.threads(), x.data, x.size, parts, out.data);
}

void sum_over_rows(CpuStream& stream, Matrix<const float> x, Vector<float> out) {
  check_equal("sum_over_rows: size of out", out.size, x.columns);
  if (x.columns == 1 && x.stride == 1) return sum(stream, {x.data, x.rows}, out);
  WASSERKERN_SIMD(sum_over_rows_kernel)(stream.threads(), x, out.data);
}

void sum_over_columns(CpuStream& stream, Matrix<const float> x, Vector<float> out) {
  check_equal("sum_over_columns: size of out", out.size, x.rows);
  if (x.rows == 1) return sum(stream, {x.data, x.columns}, out);
  WASSERKERN_SIMD(sum_over_columns_kernel)(stream.threads(), x, out.data);
}

void count_distinct(CpuStream& stream, int64_t range, Vector<const int32_t> index, Vector<float> out) {
  check_equal("count_distinct: size of out", out.size, 1);
  auto* seen = static_cast<unsigned char*>(stream.workspace(static_cast<size_t>(range)));
  std::memset(seen, 0, static_cast<size_t>(range));
  int64_t distinct = 0;
  for (int64_t i = 0; i < index.size; ++i) {
    distinct += !seen[index.data[i]];
    seen[index.data[i]] = 1;
  }
  out.data[0] = static_cast<float>(distinct);
}

}  // namespace wasserkern

#endif
