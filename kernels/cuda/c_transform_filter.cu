#include "kernels/cuda/c_transform_filter.h"

#include <algorithm>
#include <limits>
#include <string>

#include "kernels/cuda/filter_decide.cuh"
#include "kernels/cuda/filter_norms.cuh"
#include "kernels/cuda/filter_product.cuh"
#include "kernels/cuda/filter_tensor.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/matmul.h"

namespace wasserkern {
namespace {

using cuda::ceil_div, cuda::FilterColumns, cuda::FilterErrors, cuda::kTensorTile, cuda::Precision;

// Each route goes over columns and candidates in panels. Of some candidates of a panel, spread evenly, only the bounds
// are taken first: that many more products buy a promise that few others survive, in whatever order they come.
constexpr int kSampled = 16;  // one in so many

template <class Form>
constexpr bool of_squared_distance() {
  if constexpr (requires { Form::kOfSquaredDistance; }) return Form::kOfSquaredDistance;
  return false;
}

/// What a route does in a cycle of a multiprocessor.
struct RouteRate {
  FilterRoute route;
  int capability;      // the least
  double coordinates;  // of pairs
  double pair;         // cycles for each pair besides
};

// Arithmetic from data-sheet rates, not measured on a GPU. Coordinates a cycle: 128 FP32 lanes, of which a direct
// difference takes two instructions and a product one; on tensor cores an A100's dense rate, of which an H100's
// mma.sync has as much or more. Cycles a pair: instructions of the epilogue over 128 lanes, 8 bytes of L2 for a panel,
// and for bf16, whose bounds are wide, the survivors.
constexpr RouteRate kRates[] = {{FilterRoute::Direct, 75, 64, 0.1},
                                {FilterRoute::Product, 75, 128, 0.3},
                                {FilterRoute::TensorTf32, 80, 512, 0.15},
                                {FilterRoute::TensorBf16, 80, 1024, 0.35}};
constexpr double kTf32Coordinates = 512;  // of cuBLAS with TF32

// What a filter's launches take before and after its products, in cycles: some ten of them, 3 microseconds each.
constexpr double kFilterLaunches = 5e4;
constexpr double kMultiprocessors = 132;

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
  const int64_t items = ceil_div(columns.size, cuda::kSide * cuda::kSweepMicro) * cuda::kSweepParts;
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
  constexpr int64_t kMostColumns = 4096, kLeastBytes = int64_t{1} << 20, kMostBytes = int64_t{16} << 20;
  int cache_bytes = 0;
  cuda::check(cudaDeviceGetAttribute(&cache_bytes, cudaDevAttrL2CacheSize, stream.handles().device),
              "cudaDeviceGetAttribute");
  const int64_t width = std::min(ceil_div(n, 4) * 4, kMostColumns);
  const int64_t panel_bytes = std::clamp<int64_t>(cache_bytes / 4, kLeastBytes, kMostBytes);
  const int64_t height = std::min(m, panel_bytes / (width * int64_t{sizeof(float)}));

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

/// The compute capability that the code which a stream's GPU runs was compiled for: tensor cores need both.
int capability_of(CudaStream& stream) {
  constexpr int kCompiled[] = {__CUDA_ARCH_LIST__};  // 800 for sm_80
  int major = 0, minor = 0, best = 0;
  const int device = stream.handles().device;
  cuda::check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cudaDeviceGetAttribute");
  cuda::check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "cudaDeviceGetAttribute");
  for (const int compiled : kCompiled)
    if (compiled / 10 <= major * 10 + minor) best = std::max(best, compiled / 10);
  return best;
}

}  // namespace

FilterRoute filter_route(const Cost& cost, int64_t m, int64_t n, int64_t d, int capability, bool tf32) {
  const bool serves = visit_cost(cost, []<class Form>(const Form&) { return of_squared_distance<Form>(); });
  if (!serves || d > cuda::kMostCoordinates) return FilterRoute::Direct;

  const auto cycles = [&](const RouteRate& rate) {
    const bool direct = rate.route == FilterRoute::Direct;
    const double coordinates = rate.route == FilterRoute::Product && tf32 ? kTf32Coordinates : rate.coordinates;
    const double pairs = static_cast<double>(m) * static_cast<double>(n) / kMultiprocessors;
    const double sampled = direct ? 1 : 1 + 1.0 / kSampled;
    return pairs * sampled * (static_cast<double>(d) / coordinates + rate.pair) + (direct ? 0 : kFilterLaunches);
  };
  const RouteRate* best = kRates;
  for (const RouteRate& rate : kRates)
    if (capability >= rate.capability && cycles(rate) < cycles(*best)) best = &rate;
  return best->route;
}

FilterRoute filter_route(CudaStream& stream, const Cost& cost, int64_t m, int64_t n, int64_t d) {
  const bool tf32 = stream.handles().tf32;
  constexpr int kAnyCapability = std::numeric_limits<int>::max();
  if (filter_route(cost, m, n, d, kAnyCapability, tf32) == FilterRoute::Direct) return FilterRoute::Direct;
  return filter_route(cost, m, n, d, capability_of(stream), tf32);
}

std::vector<FilterRoute> filter_routes(CudaStream& stream) {
  const int capability = capability_of(stream);
  std::vector<FilterRoute> routes;
  for (const RouteRate& rate : kRates)
    if (rate.route != FilterRoute::Direct && capability >= rate.capability) routes.push_back(rate.route);
  return routes;
}

void filtered_c_transform(CudaStream& stream, FilterRoute route, const Cost& cost, Matrix<const float> x,
                          Vector<const float> phi, Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if constexpr (of_squared_distance<Form>()) {
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
