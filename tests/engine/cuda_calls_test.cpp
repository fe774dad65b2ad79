#if WASSERKERN_CUDA

#include "tests/cuda_calls.h"

#include <catch2/catch.hpp>

#include "tests/stream.h"

namespace wasserkern::testing {

TEST_CASE("calls of the CUDA runtime are counted", "[phases]") {
  if (!on_cuda()) return;
  CudaStream stream({});
  const CudaCalls before = cuda_calls();
  void* memory = stream.allocate(64);
  CHECK((cuda_calls() - before).allocations == 1);
  stream.release(memory);
  void* staging = stream.allocate_staging(64);
  CHECK((cuda_calls() - before).allocations == 3);
  CHECK((cuda_calls() - before).waits == 0);
  stream.synchronize();
  CHECK((cuda_calls() - before).waits == 1);
  stream.release_staging(staging);
  stream.begin_recording();
  CHECK((cuda_calls() - before).graph_launches == 0);
  stream.end_recording()->replay();
  CHECK((cuda_calls() - before).graph_launches == 2);
}

}  // namespace wasserkern::testing

#endif
