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

/// Rows x_{index_j}, and its transpose: rows of x added up at index_j into `rows` rows.
WASSERKERN_API Tensor gather_rows(const Tensor& x, const Array<int32_t>& index);
WASSERKERN_API Tensor scatter_rows(const Tensor& x, const Array<int32_t>& index, int64_t rows);

}  // namespace wasserkern
