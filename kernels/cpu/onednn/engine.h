#pragma once

#include <dnnl.hpp>
#include <string_view>

#include "kernels/matmul.h"

namespace wasserkern::onednn {

const dnnl::engine& cpu_engine();

/// What a primitive does to its result before it stores it.
dnnl::post_ops activation_operation(Activation activation, float slope);

/// Counts primitives that fell back to reference code; see reference_primitives.
void note_implementation(std::string_view name);

/// A matrix in memory, or its transpose.
dnnl::memory::desc matrix_descriptor(int64_t rows, int64_t columns, int64_t stride, bool transposed);

}  // namespace wasserkern::onednn
