#pragma once

#include "kernels/export.h"
#include "kernels/matmul.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// soft_c_transform where the costs lie in memory: out[j] = -epsilon ln( (1/m) sum_i exp( (phi[i] - costs(i, j)) /
/// epsilon ) ); overwrites. Of several problems at once, of equal shapes, the stored matrices lie under one another,
/// transposed or not, and so do phi, `problems` times [m], and out, `problems` times [n]. What holds for a
/// soft_c_transform holds here: accuracy, infinities, NaN, the order of sums. Throws ShapeError, also when m = 0, and
/// UsageError unless epsilon is positive and finite.
WASSERKERN_API void soft_minimum(CpuStream&, float epsilon, int64_t problems, Factor costs, Vector<const float> phi,
                                 Vector<float> out);
WASSERKERN_API void soft_minimum(CudaStream&, float epsilon, int64_t problems, Factor costs, Vector<const float> phi,
                                 Vector<float> out);

}  // namespace wasserkern
