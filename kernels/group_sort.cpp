#include "kernels/group_sort.h"

#include <algorithm>

#include "kernels/cpu/parallel.h"
#include "kernels/group_sort_contracts.h"

namespace wasserkern {
namespace {

constexpr int64_t kGrain = 16384;  // elements worth a thread

/// body(row) for every row of a matrix with so many columns.
template <class Body>
void for_each_row(CpuStream& stream, Matrix<const float> of, Body body) {
  parallel_ranges(stream.threads(), of.rows, kGrain / (of.columns + 1) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

/// Free of branches, as signs in a network are a matter of chance.
void sort_pairs(int64_t columns, const float* x, float* y, int32_t* origin) {
  for (int64_t j = 0; j < columns; j += 2) {
    const float first = x[j], second = x[j + 1];
    const bool swap = sorts_before(second, first);
    const auto column = static_cast<int32_t>(j);
    y[j] = swap ? second : first;
    y[j + 1] = swap ? first : second;
    origin[j] = column + swap;
    origin[j + 1] = column + !swap;
  }
}

/// The columns [begin, end) of a row.
void sort_group(int64_t begin, int64_t end, const float* x, float* y, int32_t* origin) {
  for (int64_t j = begin; j < end; ++j) origin[j] = static_cast<int32_t>(j);
  std::sort(origin + begin, origin + end,
            [=](int32_t a, int32_t b) { return sorts_before(x[a], x[b]) || (a < b && !sorts_before(x[b], x[a])); });
  for (int64_t j = begin; j < end; ++j) y[j] = x[origin[j]];
}

}  // namespace

void group_sort(CpuStream& stream, int64_t size, Matrix<const float> x, Matrix<float> y, Matrix<int32_t> origin) {
  check_group_sort(size, x, y, origin);
  for_each_row(stream, x, [=](int64_t row) {
    const float* from = x.data + row * x.stride;
    float* to = y.data + row * y.stride;
    int32_t* columns = origin.data + row * origin.stride;
    if (size == 2) return sort_pairs(x.columns, from, to, columns);
    for (int64_t begin = 0; begin < x.columns; begin += size) sort_group(begin, begin + size, from, to, columns);
  });
}

void permute_columns(CpuStream& stream, Matrix<const float> x, Matrix<const int32_t> origin, Matrix<float> out) {
  check_permutation("permute_columns", x, origin, out);
  for_each_row(stream, x, [=](int64_t row) {
    const float* from = x.data + row * x.stride;
    const int32_t* columns = origin.data + row * origin.stride;
    float* to = out.data + row * out.stride;
    for (int64_t j = 0; j < x.columns; ++j) to[j] = from[columns[j]];
  });
}

void restore_columns(CpuStream& stream, Matrix<const float> x, Matrix<const int32_t> origin, Matrix<float> out) {
  check_permutation("restore_columns", x, origin, out);
  for_each_row(stream, x, [=](int64_t row) {
    const float* from = x.data + row * x.stride;
    const int32_t* columns = origin.data + row * origin.stride;
    float* to = out.data + row * out.stride;
    for (int64_t j = 0; j < x.columns; ++j) to[columns[j]] = from[j];
  });
}

}  // namespace wasserkern
