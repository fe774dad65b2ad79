#pragma once

#include "kernels/cost/cost.h"
#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

// The cost of row i of x against row i of y, and its derivatives: what is left of a c-transform once its argmin is
// known. x, y, direction and every matrix output are [n,d]; scale and vector outputs are [n]. Outputs are overwritten.
// Ground costs are symmetric and functions of y - x, so the derivative in x is minus the derivative in y.

/// out[i] = c(x_i, y_i).
WASSERKERN_API void paired_cost(CpuStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                Vector<float> out);
WASSERKERN_API void paired_cost(CudaStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                Vector<float> out);

/// out[i] = scale[i] (d/dy) c(x_i, y_i); 0 where the cost has a kink at y_ik = x_ik or at y_i = x_i.
WASSERKERN_API void paired_cost_gradient(CpuStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                         Vector<const float> scale, Matrix<float> out);
WASSERKERN_API void paired_cost_gradient(CudaStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                         Vector<const float> scale, Matrix<float> out);

/// out[i] = scale[i] (d/dy)^2 c(x_i, y_i) direction_i, the product with the Hessian in y.
WASSERKERN_API void paired_cost_hessian(CpuStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                        Vector<const float> scale, Matrix<const float> direction, Matrix<float> out);
WASSERKERN_API void paired_cost_hessian(CudaStream&, const Cost&, Matrix<const float> x, Matrix<const float> y,
                                        Vector<const float> scale, Matrix<const float> direction, Matrix<float> out);

}  // namespace wasserkern
