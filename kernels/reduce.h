#pragma once

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

// Sums have a fixed order that depends on the shape alone, so that runs repeat bit for bit. Law 6.

/// out[0] = sum of x; overwrites. An empty sum is 0.
WASSERKERN_API void sum(CpuStream&, Vector<const float> x, Vector<float> out);
WASSERKERN_API void sum(CudaStream&, Vector<const float> x, Vector<float> out);

/// out[j] = sum_i x[i, j]; out [columns]; overwrites.
WASSERKERN_API void sum_over_rows(CpuStream&, Matrix<const float> x, Vector<float> out);
WASSERKERN_API void sum_over_rows(CudaStream&, Matrix<const float> x, Vector<float> out);

/// out[i] = sum_j x[i, j]; out [rows]; overwrites.
WASSERKERN_API void sum_over_columns(CpuStream&, Matrix<const float> x, Vector<float> out);
WASSERKERN_API void sum_over_columns(CudaStream&, Matrix<const float> x, Vector<float> out);

/// out[0] = number of different values in index, each in [0, range); overwrites.
WASSERKERN_API void count_distinct(CpuStream&, int64_t range, Vector<const int32_t> index, Vector<float> out);
WASSERKERN_API void count_distinct(CudaStream&, int64_t range, Vector<const int32_t> index, Vector<float> out);

}  // namespace wasserkern
