#include "kernels/metric_ring.h"

#include "kernels/check.h"
#include "kernels/contracts.h"
#include "kernels/cuda/launch.cuh"

namespace wasserkern {
namespace {

__global__ void record_kernel(const uint64_t* step, int64_t column, const float* value, Matrix<float> values,
                              uint64_t* bad_step) {
  const auto row = static_cast<int64_t>((*step - 1) % static_cast<uint64_t>(values.rows));
  values.data[row * values.stride + column] = *value;
  if (!isfinite(*value) && *bad_step == 0) *bad_step = *step;
}

__global__ void set_kernel(uint64_t value, uint64_t* out) { *out = value; }

}  // namespace

void record_metric(CudaStream& stream, const uint64_t* step, int64_t column, Vector<const float> value,
                   Matrix<float> values, Vector<uint64_t> bad_step) {
  check_record_metric(column, value, values, bad_step);
  cuda::launch(stream, record_kernel, 1, 1, step, column, value.data, values, bad_step.data);
}

void set_counter(CudaStream& stream, uint64_t value, Vector<uint64_t> out) {
  check_equal("set_counter: size of out", out.size, 1);
  cuda::launch(stream, set_kernel, 1, 1, value, out.data);
}

}  // namespace wasserkern
