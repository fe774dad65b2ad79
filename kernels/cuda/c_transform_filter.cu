#include "kernels/cuda/c_transform_filter.h"

#include <algorithm>
#include <string>

#include "kernels/cuda/filter_decide.cuh"
#include "kernels/cuda/filter_norms.cuh"
#include "kernels/cuda/filter_product.cuh"
#include "kernels/cuda/filter_tensor.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/matmul.h"

namespace wasserkern {
namespace {

using cuda::ceil_div, cuda::FilterColumns, cuda::FilterErrors, cuda::kSampled, cuda::kTensorTile, cuda::Precision;

/// Parts of one workspace.
class Parts {
 public:
  /// Where a part of so many elements begins.
  template <class T>
  int64_t add(int64_t count) {
    const int64_t begin = bytes_;
    bytes_ += ceil_div(count * static_cast<int64_t>(sizeof(T)), 256) * 256;
    return begin;
  }
  size_t bytes() const { return static_cast<size_t>(bytes_); }

 private:
  int64_t bytes_ = 0;
};

/// Where a panel's FilterColumns lie.
struct ColumnParts {
  int64_t norms, promise, count, survivors, best;

  ColumnParts(Parts& parts, int64_t columns)
      : norms(parts.add<float>(columns)),
        promise(parts.add<unsigned>(columns)),
        count(parts.add<unsigned>(columns)),
        survivors(parts.add<cuda::Survivor>(columns * cuda::kMostSurvivors)),
        best(parts.add<unsigned long long>(columns)) {}

  FilterColumns at(char* memory, int64_t size) const {
    return {size,
            reinterpret_cast<float*>(memory + norms),
            reinterpret_cast<unsigned*>(memory + promise),
            reinterpret_cast<unsigned*>(memory + count),
            reinterpret_cast<cuda::Survivor*>(memory + survivors),
            reinterpret_cast<unsigned long long*>(memory + best)};
  }
};

/// A c_transform on its way through a filter.
template <class Form>
struct Problem {
  CudaStream& stream;
  Form cost;
  Matrix<const float> x;
  const float* phi;
  Matrix<const float> y;
  float* out;
  int32_t* argmin;

  /// The part of it for some of its columns.
  Problem columns(int64_t first, int64_t count) const {
    return {stream, cost, x, phi, {y.data + first * y.stride, count, y.columns, y.stride}, out + first, argmin + first};
  }
};

constexpr int kThreads = 256;

Matrix<const float> rows_of(Matrix<const float> x, int64_t first, int64_t count) {
  return {x.data + first * x.stride, count, x.columns, x.stride};
}

template <class Rounding>
void bounding_norms(CudaStream& stream, Matrix<const float> rows, FilterErrors errors, float* norms, int64_t padded,
                    typename Rounding::Word* copies = nullptr, int64_t pitch = 0) {
  cuda::launch(stream, cuda::bounding_norms_kernel<Rounding>, cuda::blocks_for(stream, padded * cuda::kWarp, kThreads),
               kThreads, rows, errors, norms, padded, copies, pitch);
}

void clear(CudaStream& stream, const FilterColumns& columns, int64_t padded) {
  cuda::launch(stream, cuda::clear_columns_kernel, cuda::blocks_for(stream, padded, kThreads), kThreads, columns,
               padded);
}

/// Values and indices of a panel of columns whose candidates have been filtered.
template <class Form>
void decide(const Problem<Form>& problem, const FilterColumns& columns) {
  CudaStream& stream = problem.stream;
  constexpr int kDecideThreads = cuda::kDecideWarps * cuda::kWarp;
  cuda::launch(stream, cuda::decide_kernel<Form>, cuda::blocks_for(stream, columns.size * cuda::kWarp, kDecideThreads),
               kDecideThreads, problem.cost, problem.x, problem.phi, problem.y, columns);
  const int64_t items = ceil_div(columns.size, cuda::MicroTile<cuda::kSweepMicro>::kColumns) * cuda::kSweepParts;
  cuda::launch(stream, cuda::sweep_overflowed_kernel<Form>,
               cuda::blocks_for(stream, items * cuda::kTileThreads, cuda::kTileThreads), cuda::kTileThreads,
               problem.cost, problem.x, problem.phi, problem.y, columns);
  cuda::launch(stream, cuda::write_minima_kernel, cuda::blocks_for(stream, columns.size, kThreads), kThreads, columns,
               problem.out, problem.argmin);
}

/// By cuBLAS, in panels of products that stay in the L2 cache.
template <class Form>
void filter_by_products(const Problem<Form>& problem) {
  CudaStream& stream = problem.stream;
  const int64_t m = problem.x.rows, n = problem.y.rows;
  constexpr int64_t kMostColumns = 4096, kMostRows = 65535 * cuda::kPanelRows, kLeastBytes = int64_t{1} << 20,
                    kMostBytes = int64_t{16} << 20;
  int cache_bytes = 0;
  cuda::check(cudaDeviceGetAttribute(&cache_bytes, cudaDevAttrL2CacheSize, stream.handles().device),
              "cudaDeviceGetAttribute");
  const int64_t width = std::min(ceil_div(n, 4) * 4, kMostColumns);
  const int64_t panel_bytes = std::clamp<int64_t>(cache_bytes / 4, kLeastBytes, kMostBytes);
  const int64_t height = std::min({m, panel_bytes / (width * int64_t{sizeof(float)}), kMostRows});

  Parts parts;
  const ColumnParts column_parts(parts, width);
  const int64_t x_norms_part = parts.add<float>(m), products_part = parts.add<float>(height * width);
  char* memory = static_cast<char*>(stream.workspace(parts.bytes()));
  auto* x_norms = reinterpret_cast<float*>(memory + x_norms_part);
  auto* products = reinterpret_cast<float*>(memory + products_part);

  const FilterErrors errors(stream.handles().tf32 ? Precision::CutTf32 : Precision::Fp32, problem.x.columns);
  const cuda::ValueBounds<Form> bounds(problem.cost, errors);
  bounding_norms<cuda::Unrounded>(stream, problem.x, errors, x_norms, m);
  for (int64_t first_column = 0; first_column < n; first_column += width) {
    const auto panel = problem.columns(first_column, std::min(n - first_column, width));
    const FilterColumns columns = column_parts.at(memory, panel.y.rows);
    const int64_t across = ceil_div(panel.y.rows, 4) * 4;
    clear(stream, columns, across);
    bounding_norms<cuda::Unrounded>(stream, panel.y, errors, columns.norms, across);
    for (const int64_t step : {kSampled, 1}) {
      const int64_t rows = ceil_div(m, step);
      for (int64_t row = 0; row < rows; row += height) {
        const int64_t count = std::min(rows - row, height);
        const Matrix<const float> x{problem.x.data + row * step * problem.x.stride, count, problem.x.columns,
                                    problem.x.stride * step};
        matmul(stream, {}, {x}, {panel.y, true}, {products, count, panel.y.rows, width});
        const dim3 blocks(static_cast<unsigned>(ceil_div(across, 4 * cuda::kPanelThreads)),
                          static_cast<unsigned>(ceil_div(count, cuda::kPanelRows)));
        cuda::launch(stream, cuda::filter_product_kernel<Form>, blocks, cuda::kPanelThreads, bounds,
                     Matrix<const float>{products, count, across, width},
                     cuda::Candidates{row * step, step, x_norms, problem.phi}, columns, step == 1);
      }
    }
    decide(panel, columns);
  }
}

/// On tensor cores, from copies rounded by `Rounding`. The copies are as large as a panel's rows: made once and read by
/// every tile, they take roundings, edges and alignment out of the products' loop.
template <class Rounding, class Form>
void filter_by_tensor_cores(const Problem<Form>& problem) {
  using Word = typename Rounding::Word;
  CudaStream& stream = problem.stream;
  const int64_t m = problem.x.rows, n = problem.y.rows, d = problem.x.columns;
  constexpr int64_t kWords = cuda::kSlabBytes / static_cast<int64_t>(sizeof(Word));
  constexpr int64_t kPanelBytes = int64_t{64} << 20, kMostRows = 16384, kLeastRows = 1024;
  const int64_t slabs = std::max<int64_t>(ceil_div(d, kWords), 1), pitch = slabs * kWords;
  const int64_t panel =
      std::clamp(kPanelBytes / (slabs * cuda::kSlabBytes), kLeastRows, kMostRows) / kTensorTile * kTensorTile;
  const auto padded = [](int64_t rows) { return ceil_div(rows, kTensorTile) * kTensorTile; };
  const int64_t width = std::min(padded(n), panel), height = std::min(padded(m), panel);

  Parts parts;
  const ColumnParts column_parts(parts, width);
  const int64_t x_norms_part = parts.add<float>(height), x_part = parts.add<Word>(height * pitch),
                y_part = parts.add<Word>(width * pitch);
  char* memory = static_cast<char*>(stream.workspace(parts.bytes()));
  auto* x_norms = reinterpret_cast<float*>(memory + x_norms_part);
  auto* x_copies = reinterpret_cast<Word*>(memory + x_part);
  auto* y_copies = reinterpret_cast<Word*>(memory + y_part);

  constexpr bool kTf32 = std::is_same_v<Rounding, cuda::Tf32>;
  const FilterErrors errors(kTf32 ? Precision::Tf32 : Precision::Bf16, d);
  const cuda::ValueBounds<Form> bounds(problem.cost, errors);
  for (int64_t first_column = 0; first_column < n; first_column += width) {
    const auto part = problem.columns(first_column, std::min(n - first_column, width));
    const FilterColumns columns = column_parts.at(memory, part.y.rows);
    const int64_t across = padded(part.y.rows);
    clear(stream, columns, across);
    bounding_norms<Rounding>(stream, part.y, errors, columns.norms, across, y_copies, pitch);
    for (int64_t row = 0; row < m; row += height) {
      const int64_t count = std::min(m - row, height), down = padded(count);
      bounding_norms<Rounding>(stream, rows_of(problem.x, row, count), errors, x_norms, down, x_copies, pitch);
      const auto rounded = [&](const Word* copies, int64_t rows) {
        return cuda::RoundedRows{reinterpret_cast<const char*>(copies), static_cast<int>(rows / kTensorTile),
                                 static_cast<int>(slabs)};
      };
      const cuda::RoundedRows y = rounded(y_copies, across);
      const cuda::RoundedCandidates candidates{rounded(x_copies, down), static_cast<int>(row), static_cast<int>(count),
                                               x_norms, problem.phi};
      for (const int spacing : {kSampled, 1}) {
        // Eight waves of the two blocks that a multiprocessor holds, so that the last one is small beside them.
        const int64_t tiles = ceil_div(candidates.rows.tiles, spacing);
        const int64_t wanted = ceil_div(16 * int64_t{stream.handles().multiprocessors}, y.tiles);
        const dim3 blocks(static_cast<unsigned>(y.tiles), static_cast<unsigned>(std::min(tiles, wanted)));
        cuda::launch(stream, cuda::filter_tensor_kernel<Rounding, Form>, blocks, cuda::kTensorThreads, bounds,
                     candidates, y, columns, spacing, spacing == 1);
      }
    }
    decide(part, columns);
  }
}

}  // namespace

void filtered_c_transform(CudaStream& stream, FilterRoute route, const Cost& cost, Matrix<const float> x,
                          Vector<const float> phi, Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if constexpr (cuda::of_squared_distance<Form>()) {
      if (!can_take(stream, route))
        throw DeviceError(
            "c_transform on tensor cores: neither this GPU nor this build may be older than sm_80; use another route");
      if (x.columns > cuda::kMostCoordinates)
        throw UsageError("c_transform by products: " + std::to_string(x.columns) + " coordinates are more than " +
                         std::to_string(cuda::kMostCoordinates) + "; use direct differences");
      if (y.rows == 0) return;
      const Problem<Form> problem{stream, form, x, phi.data, y, out.data, argmin.data};
      switch (route) {
        case FilterRoute::Product: return filter_by_products(problem);
        case FilterRoute::TensorTf32: return filter_by_tensor_cores<cuda::Tf32>(problem);
        case FilterRoute::TensorBf16: return filter_by_tensor_cores<cuda::Bf16>(problem);
        case FilterRoute::Direct: break;
      }
    }
    throw UsageError("c_transform by products: not by this route, or not for " + cost_name(cost) +
                     ", which is no function of |x - y|^2; use direct differences");
  });
}

}  // namespace wasserkern
