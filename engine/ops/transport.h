#pragma once

#include "engine/array.h"
#include "engine/tensor.h"
#include "kernels/cost/cost.h"
#include "kernels/export.h"

namespace wasserkern {

struct Minimum {
  Tensor value;           // [n]
  Array<int32_t> argmin;  // [n]
};

/// The c-transform value[j] = min_i c(x_i, y_j) - potential_i, in one fused pass; saves only the argmin.
/// x [m, ...], potential [m] or [m, 1], y [n, ...]. Derivatives are gathers at the argmin. Paper 000, eq. 17.
WASSERKERN_API Minimum min_over(const Cost& cost, const Tensor& x, const Tensor& potential, const Tensor& y);

/// value[i] = c(x_i, y_i); x, y [n, ...], value [n]. Twice differentiable; derivatives are 0 at kinks.
WASSERKERN_API Tensor paired_cost(const Cost& cost, const Tensor& x, const Tensor& y);

struct Nearest {
  Tensor values;           // [n, k], outside the tape
  Array<int32_t> indices;  // [n k], row by row
};

/// The k rows of x at least cost of every row of y, ascending; ties go to the lowest index. x [m, ...], y [n, ...].
/// Throws ShapeError unless 1 <= k <= min(64, m).
WASSERKERN_API Nearest nearest(const Cost& cost, const Tensor& x, const Tensor& y, int64_t k);

/// value[i, j] = c(x_i, y_j); x [m, ...], y [n, ...], value [m, n]. Nothing of size m n d is made; differentiable once.
WASSERKERN_API Tensor pairwise_cost(const Cost& cost, const Tensor& x, const Tensor& y);

/// The (c, epsilon)-transform value[j] = -epsilon ln( (1/m) sum_i exp( (potential_i - c(x_i, y_j)) / epsilon ) ),
/// shapes as for min_over, to which it tends as epsilon falls to 0; throws UsageError unless epsilon is positive and
/// finite. Nothing of size m n is made, costs are taken again by the derivatives; differentiable once. Paper 004.
WASSERKERN_API Tensor soft_min_over(const Cost& cost, float epsilon, const Tensor& x, const Tensor& potential,
                                    const Tensor& y);

/// Points with a potential and a mass each: one side of w_ij = a_i b_j exp((u_i + v_j - c(x_i, y_j)) / epsilon). Of
/// several problems of equal shapes the points lie one after another.
struct EntropicMarginal {
  Tensor points;     // [problems n, ...]
  Tensor potential;  // [problems n]
  Tensor mass;       // [problems n], of either sign
};

/// sum_i w_ij (d/dy) c(x_i, y_j), of the shape of y, the points of `at`; off the tape. What the envelope theorem makes
/// of entropic transport.
WASSERKERN_API Tensor entropic_cost_gradient(const Cost& cost, float epsilon, const EntropicMarginal& from,
                                             const EntropicMarginal& at, int64_t problems = 1);

/// Rows x_{index_j}, and its transpose: rows of x added up at index_j into `rows` rows.
WASSERKERN_API Tensor gather_rows(const Tensor& x, const Array<int32_t>& index);
WASSERKERN_API Tensor scatter_rows(const Tensor& x, const Array<int32_t>& index, int64_t rows);

}  // namespace wasserkern
