#include "kernels/soft_c_transform.h"

#include "kernels/contracts.h"
#include "kernels/cuda/column_sums.cuh"
#include "kernels/soft_sum.h"

namespace wasserkern {
namespace {

/// Online: the largest value of a thread's rows is found first, so that the sum is rescaled once a tile. Limit: that of
/// the tile, and per pair one exp2 of the special-function units and some twenty instructions beside it.
template <int kSide>
struct SoftMinimum {
  static constexpr int kMicro = kSide, kBlocks = cuda::resident_blocks<kSide>();
  using State = SoftSum<float>;
  const float* phi;
  int64_t count;
  float epsilon;
  float scale;

  __device__ __forceinline__ State none() const { return State::none(); }
  template <class Rows>
  __device__ __forceinline__ void add(State& sum, Rows rows, int64_t, const float (&costs)[kMicro]) const {
    float values[kMicro], largest = sum.largest;
#pragma unroll
    for (int i = 0; i < kMicro; ++i) {
      values[i] = rows(i) >= 0 ? phi[rows(i)] - costs[i] : -HUGE_VALF;
      largest = State::larger_of(largest, values[i]);
    }
    sum.raise(largest, scale);
#pragma unroll
    for (int i = 0; i < kMicro; ++i) sum.add(values[i], scale);
  }
  __device__ __forceinline__ void join(State& sum, const State& later) const { sum.join(later, scale); }
  __device__ __forceinline__ float finish(const State& sum, int64_t) const { return soft_minimum(sum, count, epsilon); }
};

}  // namespace

void soft_c_transform(CudaStream& stream, const Cost& cost, float epsilon, Matrix<const float> x,
                      Vector<const float> phi, Matrix<const float> y, Vector<float> out) {
  check_soft_c_transform(epsilon, x, phi, y, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    cuda::with_micro<Form>(x.rows, y.rows, 1, [&]<int kMicro>() {
      const SoftMinimum<kMicro> sum{phi.data, x.rows, epsilon, soft_sum_scale(epsilon)};
      cuda::sum_columns(stream, form, x, y, sum, out);
    });
  });
}

}  // namespace wasserkern
