#pragma once

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// out_j = x_{index_j}; x [m,d], index [n] with values in [0, m), out [n,d]; overwrites.
WASSERKERN_API void gather_rows(CpuStream&, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out);
WASSERKERN_API void gather_rows(CudaStream&, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out);

/// out_i = sum over j with index_j = i of x_j, in the order of j; x [n,d], index [n] in [0, m), out [m,d]; overwrites.
/// The transpose of gather_rows, written as a gather so that its order is fixed.
WASSERKERN_API void scatter_rows(CpuStream&, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out);
WASSERKERN_API void scatter_rows(CudaStream&, Matrix<const float> x, Vector<const int32_t> index, Matrix<float> out);

}  // namespace wasserkern
