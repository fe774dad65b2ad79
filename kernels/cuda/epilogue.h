#pragma once

#include "kernels/matmul.h"

namespace wasserkern::cuda {

/// out = activation(out + bias): the epilogue of products that a library has stored without one.
void finish(CudaStream& stream, const Epilogue& epilogue, Matrix<float> out);

}  // namespace wasserkern::cuda
