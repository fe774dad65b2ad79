#include "kernels/metric_ring.h"

#include <cmath>

#include "kernels/check.h"
#include "kernels/contracts.h"

namespace wasserkern {

void record_metric(CpuStream&, const uint64_t* step, int64_t column, Vector<const float> value, Matrix<float> values,
                   Vector<uint64_t> bad_step) {
  check_record_metric(column, value, values, bad_step);
  const auto row = static_cast<int64_t>((*step - 1) % static_cast<uint64_t>(values.rows));
  values.data[row * values.stride + column] = value.data[0];
  if (!std::isfinite(value.data[0]) && bad_step.data[0] == 0) bad_step.data[0] = *step;
}

void set_counter(CpuStream&, uint64_t value, Vector<uint64_t> out) {
  check_equal("set_counter: size of out", out.size, 1);
  out.data[0] = value;
}

}  // namespace wasserkern
