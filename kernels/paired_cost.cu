#include "kernels/paired_cost.h"

#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pair_sum.cuh"

namespace wasserkern {
namespace {

constexpr int kThreads = 128;

/// Calls body(row, lane) in every lane of a warp, for every row; a warp per row.
template <class Body>
__device__ __forceinline__ void for_each_row(int64_t rows, Body body) {
  const int lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
  for (int64_t row = cuda::grid_thread() / cuda::kWarp; row < rows; row += cuda::grid_threads() / cuda::kWarp)
    body(row, lane);
}

template <class Form>
__global__ void value_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, float* out) {
  for_each_row(x.rows, [&](int64_t row, int lane) {
    const cuda::PairSum pair =
        cuda::pair_sum<cuda::kWarp>(cost, x.data + row * x.stride, y.data + row * y.stride, x.columns, lane);
    if (lane == 0) out[row] = cost.finish(pair.sum, pair.unit);
  });
}

template <class Form>
__global__ void gradient_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, const float* scale,
                                Matrix<float> out) {
  for_each_row(x.rows, [&](int64_t row, int lane) {
    const float* from = x.data + row * x.stride;
    const float* to = y.data + row * y.stride;
    const auto slope = cuda::slope_of<cuda::kWarp>(cost, from, to, x.columns, lane);
    const float factor = scale[row] * slope.first;
    for (int64_t k = lane; k < x.columns; k += cuda::kWarp)
      out.data[row * out.stride + k] = factor * cost.normal(slope, from[k], to[k]);
  });
}

template <class Form>
__global__ void hessian_kernel(Form cost, Matrix<const float> x, Matrix<const float> y, const float* scale,
                               Matrix<const float> direction, Matrix<float> out) {
  for_each_row(x.rows, [&](int64_t row, int lane) {
    const float* from = x.data + row * x.stride;
    const float* to = y.data + row * y.stride;
    const float* along = direction.data + row * direction.stride;
    const auto slope = cuda::slope_of<cuda::kWarp>(cost, from, to, x.columns, lane);
    float projection = 0;
    for (int64_t k = lane; k < x.columns; k += cuda::kWarp) projection += cost.normal(slope, from[k], to[k]) * along[k];
    const float factor = scale[row] * slope.second * cuda::warp_sum(projection);
    for (int64_t k = lane; k < x.columns; k += cuda::kWarp)
      out.data[row * out.stride + k] =
          factor * cost.normal(slope, from[k], to[k]) + scale[row] * cost.curvature(slope, from[k], to[k]) * along[k];
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
    cuda::launch(stream, value_kernel<Form>, warp_per_row(stream, x), kThreads, form, x, y, out.data);
  });
}

void paired_cost_gradient(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                          Vector<const float> scale, Matrix<float> out) {
  check_paired_cost_gradient(x, y, scale, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (x.rows == 0) return;
    cuda::launch(stream, gradient_kernel<Form>, warp_per_row(stream, x), kThreads, form, x, y, scale.data, out);
  });
}

void paired_cost_hessian(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                         Vector<const float> scale, Matrix<const float> direction, Matrix<float> out) {
  check_paired_cost_hessian(x, y, scale, direction, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    if (x.rows == 0) return;
    cuda::launch(stream, hessian_kernel<Form>, warp_per_row(stream, x), kThreads, form, x, y, scale.data, direction,
                 out);
  });
}

}  // namespace wasserkern
