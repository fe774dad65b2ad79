#pragma once

#include <string>

#include "kernels/matmul.h"

/// Everything that knows oneDNN lies in this folder: its version 3 changed the interface.
namespace wasserkern::onednn {

/// out = activation(a b + bias) for non-empty shapes; see matmul. Primitives are made once per shape and thread.
void product(CpuStream& stream, const Epilogue& epilogue, Factor a, Factor b, Matrix<float> out);

std::string version();

/// How many primitives of this process fell back to oneDNN's unoptimised reference code: 0, or training is slow.
WASSERKERN_API int64_t reference_primitives();

}  // namespace wasserkern::onednn
