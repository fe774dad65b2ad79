#pragma once

#include <cstdint>

namespace wasserkern {

/// Calls `body(begin, end)` on disjoint ranges that cover [0, count), on up to `threads` threads, each range a multiple
/// of `grain` long except the last. Below two grains the caller's thread does it alone. Static: sources compiled per
/// instruction set must not share it.
template <class Body>
static inline void parallel_ranges(int threads, int64_t count, int64_t grain, Body body) {
  const int64_t grains = (count + grain - 1) / grain;
  const int64_t workers = threads < grains ? threads : grains;
  if (workers <= 1) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
#pragma omp parallel for num_threads(static_cast <int>(workers)) schedule(static)
  for (int64_t worker = 0; worker < workers; ++worker) {
    const int64_t begin = grains * worker / workers * grain;
    const int64_t end = grains * (worker + 1) / workers * grain;
    body(begin, end < count ? end : count);
  }
}

}  // namespace wasserkern
