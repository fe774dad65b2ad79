#include <algorithm>
#include <iterator>
#include <limits>

#include "kernels/cuda/c_transform_filter.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/filter_bounds.cuh"
#include "kernels/cuda/handles.h"

namespace wasserkern {
namespace {

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
  const bool serves = visit_cost(cost, []<class Form>(const Form&) { return cuda::of_squared_distance<Form>(); });
  if (!serves || d > cuda::kMostCoordinates) return FilterRoute::Direct;

  const auto cycles = [&](const RouteRate& rate) {
    const bool direct = rate.route == FilterRoute::Direct;
    const double coordinates = rate.route == FilterRoute::Product && tf32 ? kTf32Coordinates : rate.coordinates;
    const double pairs = static_cast<double>(m) * static_cast<double>(n) / kMultiprocessors;
    const double sampled = direct ? 1 : 1 + 1.0 / cuda::kSampled;
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

bool can_take(CudaStream& stream, FilterRoute route) {
  const int capability = capability_of(stream);
  return std::any_of(std::begin(kRates), std::end(kRates),
                     [&](const RouteRate& rate) { return rate.route == route && capability >= rate.capability; });
}

}  // namespace wasserkern
