#pragma once

#include <cstdint>

#include "kernels/cost/cost.h"
#include "kernels/matmul.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern::cuda {

/// A matrix with two strides.
struct Weights {
  const float* data;
  int64_t row_step;
  int64_t column_step;

  explicit Weights(Factor of)
      : data(of.matrix.data),
        row_step(of.transposed ? 1 : of.matrix.stride),
        column_step(of.transposed ? of.matrix.stride : 1) {}
};

template <class Form>
using SlopeOf = decltype(Form().slope(1.0f, 1.0f));

/// How a pull over `rows` rows of x into out [points, coordinates] is divided among blocks; depends on shapes only.
struct PullPlan {
  bool large;
  int64_t rows_per_part;
  int64_t parts;

  PullPlan(int64_t rows, int64_t points, int64_t coordinates);
  /// Scratch that the parts need.
  int64_t floats(Matrix<float> out) const { return parts > 1 ? parts * out.rows * out.columns : 0; }
};

/// out_j = sum_i w(i, j) (d/dy) c(x_i, y_j) over all rows of x, or out += it. `slopes` is null where one slope serves
/// all pairs, else it points to SlopeOf<Form> [x.rows, y.rows], and weights are times what slopes have in common;
/// `scratch` holds plan.floats(out).
void pull_rows(CudaStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y, Weights weights,
               const void* slopes, const PullPlan& plan, float* scratch, bool accumulate, Matrix<float> out);

}  // namespace wasserkern::cuda
