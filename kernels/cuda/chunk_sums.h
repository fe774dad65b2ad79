#pragma once

#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern::cuda {

/// Elements of a row that one block sums.
constexpr int64_t kColumnsPerChunk = 4096;

/// out[i, c] = the sum of row i's chunk c; overwrites. x [rows, columns], out [rows, chunks of the columns].
void sum_chunks(CudaStream& stream, Matrix<const float> x, Matrix<float> out);

}  // namespace wasserkern::cuda
