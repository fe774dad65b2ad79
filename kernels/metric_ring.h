#pragma once

#include <cstdint>

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// values[(*step - 1) mod rows, column] = value[0]. When the value is not finite and `bad_step` [1] is 0, it becomes
/// *step: the first step that went wrong. Steps count from 1; step and bad_step lie in the stream's memory.
WASSERKERN_API void record_metric(CpuStream&, const uint64_t* step, int64_t column, Vector<const float> value,
                                  Matrix<float> values, Vector<uint64_t> bad_step);
WASSERKERN_API void record_metric(CudaStream&, const uint64_t* step, int64_t column, Vector<const float> value,
                                  Matrix<float> values, Vector<uint64_t> bad_step);

/// out[0] = value; a scalar of the device that recordings read.
WASSERKERN_API void set_counter(CpuStream&, uint64_t value, Vector<uint64_t> out);
WASSERKERN_API void set_counter(CudaStream&, uint64_t value, Vector<uint64_t> out);

}  // namespace wasserkern
