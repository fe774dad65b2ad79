#pragma once

#include <cstdint>

#include "kernels/export.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// Names one draw: Philox 4x32-10 with key `seed`; element i is word i mod 4 of counter
/// (i/4, op, low word of step, high word of step). `step` lives in the stream's memory, so that a replayed
/// recording draws anew. Salmon et al. 2011.
struct Draw {
  uint64_t seed = 0;
  const uint64_t* step = nullptr;
  uint32_t op = 0;
};

/// Raw words; overwrites. Bit-equal on every device, as are uniform and normal.
WASSERKERN_API void random_words(CpuStream&, Draw, Vector<uint32_t> out);
WASSERKERN_API void random_words(CudaStream&, Draw, Vector<uint32_t> out);

/// (word >> 8) 2^-24 + 2^-25, in (0, 1): what would round to 1 becomes the float below; overwrites.
WASSERKERN_API void uniform(CpuStream&, Draw, Vector<float> out);
WASSERKERN_API void uniform(CudaStream&, Draw, Vector<float> out);

/// N(0, 1) by Box-Muller: words 2j and 2j+1 give elements 2j (cosine) and 2j+1 (sine); overwrites.
WASSERKERN_API void normal(CpuStream&, Draw, Vector<float> out);
WASSERKERN_API void normal(CudaStream&, Draw, Vector<float> out);

/// y_i = x_i / (1 - rate) where the draw's uniform i is >= rate, else 0; overwrites y, which may be x.
/// Linear in x with a mask that depends on the draw alone: the backward is the same call on the gradient.
/// Throws UsageError unless 0 <= rate < 1.
WASSERKERN_API void dropout(CpuStream&, Draw, float rate, Vector<const float> x, Vector<float> y);
WASSERKERN_API void dropout(CudaStream&, Draw, float rate, Vector<const float> x, Vector<float> y);

}  // namespace wasserkern
