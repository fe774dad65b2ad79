#pragma once

#include <dnnl.hpp>
#include <string_view>

namespace wasserkern::onednn {

const dnnl::engine& cpu_engine();

/// Counts primitives that fell back to reference code; see reference_primitives.
void note_implementation(std::string_view name);

/// A matrix in memory, or its transpose.
dnnl::memory::desc matrix_descriptor(int64_t rows, int64_t columns, int64_t stride, bool transposed);

}  // namespace wasserkern::onednn
