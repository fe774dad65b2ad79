#include "kernels/soft_c_transform.h"

#include "kernels/contracts.h"
#include "kernels/cuda/column_sums.cuh"
#include "kernels/soft_sum.h"

namespace wasserkern {
namespace {

template <int kSide>
struct SoftMinimum {
  static constexpr int kMicro = kSide;
  using State = SoftSum<float>;
  const float* phi;
  int64_t count;
  float epsilon;
  float scale;

  __device__ __forceinline__ State none() const { return State::none(); }
  __device__ __forceinline__ void add(State& sum, int64_t row, int64_t, float cost) const {
    const float value = phi[row] - cost;
    if (value > sum.largest) sum.raise(State::larger_of(sum.largest, value), scale);
    sum.add(value, scale);
  }
  __device__ __forceinline__ void join(State& sum, const State& later) const { sum.join(later, scale); }
  __device__ __forceinline__ float finish(const State& sum, int64_t) const { return soft_minimum(sum, count, epsilon); }
};

}  // namespace

void soft_c_transform(CudaStream& stream, const Cost& cost, float epsilon, Matrix<const float> x,
                      Vector<const float> phi, Matrix<const float> y, Vector<float> out) {
  check_soft_c_transform(epsilon, x, phi, y, out);
  visit_cost(cost, [&](const auto& form) {
    cuda::with_sum_micro(x.rows, y.rows, [&]<int kMicro>() {
      const SoftMinimum<kMicro> sum{phi.data, x.rows, epsilon, soft_sum_scale(epsilon)};
      cuda::sum_columns(stream, form, x, y, sum, out);
    });
  });
}

}  // namespace wasserkern
