#include "kernels/paired_cost.h"

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_sum.cuh"

namespace wasserkern {
namespace {

// A warp per row. The limit is memory, 4 bytes per element of every matrix: what a row is read for a second time comes
// from the cache.

using Pack = cuda::Pack<4>;

constexpr int kThreads = 128;

/// Calls body(row, lane) in every lane of a warp, for every row.
template <class Body>
__device__ __forceinline__ void for_each_row(int64_t rows, Body body) {
  const int lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
  for (int64_t row = cuda::grid_thread() / cuda::kWarp; row < rows; row += cuda::grid_threads() / cuda::kWarp)
    body(row, lane);
}

/// Calls body(k, left) in every lane of a warp for the packs at k that are its own, of the `left` elements from there.
template <class Body>
__device__ __forceinline__ void for_each_own_pack(int64_t size, int lane, Body body) {
#pragma unroll 1
  for (int64_t k = 4 * lane; k < size; k += 4 * cuda::kWarp) body(k, size - k);
}

template <class Form>
__global__ void value_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, bool aligned, float* out) {
  for_each_row(x.rows, [&](int64_t row, int lane) {
    const cuda::PairSum pair =
        cuda::pair_sum<cuda::kWarp>(cost, x.data + row * x.stride, y.data + row * y.stride, x.columns, lane, aligned);
    if (lane == 0) out[row] = cost.finish(pair.sum, pair.unit);
  });
}

template <class Form>
__global__ void gradient_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, const float* scale,
                                bool aligned, Matrix<float> out) {
  for_each_row(x.rows, [&](int64_t row, int lane) {
    const float* from = x.data + row * x.stride;
    const float* to = y.data + row * y.stride;
    float* result = out.data + row * out.stride;
    const auto slope = cuda::slope_of<cuda::kWarp>(cost, from, to, x.columns, lane, aligned);
    const float factor = scale[row] * slope.first;
    for_each_own_pack(x.columns, lane, [&](int64_t k, int64_t left) {
      const auto gradient = [&](float a, float b) { return factor * cost.normal(slope, a, b); };
      cuda::apply<4>(gradient, Pack::load_up_to(from + k, left, aligned), Pack::load_up_to(to + k, left, aligned))
          .store_up_to(result + k, left, aligned);
    });
  });
}

template <class Form>
__global__ void hessian_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, const float* scale,
                               Matrix<const float> direction, bool aligned, Matrix<float> out) {
  for_each_row(x.rows, [&](int64_t row, int lane) {
    const float* from = x.data + row * x.stride;
    const float* to = y.data + row * y.stride;
    const float* along = direction.data + row * direction.stride;
    float* result = out.data + row * out.stride;
    const auto load = [&](const float* values, int64_t k, int64_t left) {
      return Pack::load_up_to(values + k, left, aligned);
    };
    const auto slope = cuda::slope_of<cuda::kWarp>(cost, from, to, x.columns, lane, aligned);

    float projection = 0;
    for_each_own_pack(x.columns, lane, [&](int64_t k, int64_t left) {
      const Pack a = load(from, k, left), b = load(to, k, left), v = load(along, k, left);
      for (int i = 0; i < 4; ++i) projection += cost.normal(slope, a[i], b[i]) * v[i];
    });
    const float factor = scale[row] * slope.second * cuda::warp_sum(projection);
    for_each_own_pack(x.columns, lane, [&](int64_t k, int64_t left) {
      const auto product = [&](float a, float b, float v) {
        return factor * cost.normal(slope, a, b) + scale[row] * cost.curvature(slope, a, b) * v;
      };
      cuda::apply<4>(product, load(from, k, left), load(to, k, left), load(along, k, left))
          .store_up_to(result + k, left, aligned);
    });
  });
}

unsigned warp_per_row(CudaStream& stream, Matrix<const float> x) {
  return cuda::blocks_for(stream, x.rows * cuda::kWarp, kThreads);
}

}  // namespace

void paired_cost(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                 Vector<float> out) {
  check_paired_cost(x, y, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (x.rows == 0) return;
    cuda::launch(stream, value_kernel<Form>, warp_per_row(stream, x), kThreads, form, x, y, cuda::packable(x, y),
                 out.data);
  });
}

void paired_cost_gradient(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                          Vector<const float> scale, Matrix<float> out) {
  check_paired_cost_gradient(x, y, scale, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (x.rows == 0) return;
    cuda::launch(stream, gradient_kernel<Form>, warp_per_row(stream, x), kThreads, form, x, y, scale.data,
                 cuda::packable(x, y, out), out);
  });
}

void paired_cost_hessian(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                         Vector<const float> scale, Matrix<const float> direction, Matrix<float> out) {
  check_paired_cost_hessian(x, y, scale, direction, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (x.rows == 0) return;
    cuda::launch(stream, hessian_kernel<Form>, warp_per_row(stream, x), kThreads, form, x, y, scale.data, direction,
                 cuda::packable(x, y, direction, out), out);
  });
}

}  // namespace wasserkern
