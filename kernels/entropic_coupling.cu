#include "kernels/entropic_coupling.h"

#include "kernels/contracts.h"
#include "kernels/cuda/column_sums.cuh"
#include "kernels/cuda/pair_gradient.cuh"
#include "kernels/soft_sum.h"

namespace wasserkern {
namespace {

/// exp((u_i + v_j - c_ij) / epsilon).
__device__ __forceinline__ float gibbs(float u, float v, float cost, float scale) {
  return exp2(((u - cost) + v) * scale);
}

/// A marginal's sums over the points of `other`.
template <int kSide>
struct MarginalSum {
  static constexpr int kMicro = kSide, kBlocks = cuda::resident_blocks<kSide>() - 1;  // it needs more registers
  using State = float;
  const float* potential;
  const float* mass;
  const float* other_potential;
  const float* other_mass;
  float scale;

  __device__ __forceinline__ float none() const { return 0; }
  template <class Rows>
  __device__ __forceinline__ void add(float& sum, Rows rows, int64_t column, const float (&costs)[kMicro]) const {
    const float at_column = potential[column];
#pragma unroll
    for (int i = 0; i < kMicro; ++i)
      if (rows(i) >= 0)
        sum = multiply_add(other_mass[rows(i)], gibbs(other_potential[rows(i)], at_column, costs[i], scale), sum);
  }
  __device__ __forceinline__ void join(float& sum, float later) const { sum += later; }
  __device__ __forceinline__ float finish(float sum, int64_t column) const { return mass[column] * sum; }
};

/// A source of weights for weighted_gradient.
struct EntropicWeights {
  static constexpr bool kNeedsCosts = true;
  const float* from_potential;
  const float* from_mass;
  const float* at_potential;
  const float* at_mass;
  float scale;

  __device__ __forceinline__ float operator()(int64_t row, int64_t column, float cost) const {
    return from_mass[row] * at_mass[column] * gibbs(from_potential[row], at_potential[column], cost, scale);
  }
};

}  // namespace

// Costs are symmetric, so that a marginal's sums can run down the columns of c(other, rows).
void entropic_marginal(CudaStream& stream, const Cost& cost, float epsilon, const EntropicSide& rows,
                       const EntropicSide& columns, Vector<float> out) {
  check_entropic_marginal(epsilon, rows, columns, out);
  visit_cost(cost, [&]<class Form>(const Form& form) {
    cuda::with_micro<Form>(columns.points.rows, rows.points.rows, 1, [&]<int kMicro>() {
      const MarginalSum<kMicro> sum{rows.potential.data, rows.mass.data, columns.potential.data, columns.mass.data,
                                    soft_sum_scale(epsilon)};
      cuda::sum_columns(stream, form, columns.points, rows.points, sum, out);
    });
  });
}

void entropic_cost_gradient(CudaStream& stream, const Cost& cost, float epsilon, const EntropicSide& from,
                            const EntropicSide& at, Matrix<float> out) {
  check_entropic_cost_gradient(epsilon, from, at, out);
  const EntropicWeights weights{from.potential.data, from.mass.data, at.potential.data, at.mass.data,
                                soft_sum_scale(epsilon)};
  cuda::weighted_gradient(stream, cost, from.points, at.points, weights, out);
}

}  // namespace wasserkern
