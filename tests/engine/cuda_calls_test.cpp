#if WASSERKERN_CUDA

#include "tests/cuda_calls.h"

#include <catch2/catch.hpp>

#include "tests/stream.h"
#include "tests/stream_order.h"

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

TEST_CASE("uploads have an order wherever they share memory", "[phases]") {
  if (!on_cuda()) return;
  CudaStream stream({});
  constexpr size_t kBytes = 3 << 19;  // one and a half slots of the ring
  char* const memory = static_cast<char*>(stream.allocate(2 * kBytes));
  const std::vector<char> host(kBytes);
  StreamOrder order;
  watched_order = &order;
  for (int upload = 0; upload < 9; ++upload) {
    stream.copy_from_host(host.data(), memory + upload % 3 * (kBytes / 2), kBytes);
  }
  watched_order = nullptr;
  stream.release(memory);
  CHECK(order.copies() == 9 * 2 * 2);
  CHECK(order.races() == std::vector<std::string>());
}

TEST_CASE("a missing order between streams is found", "[phases]") {
  char memory[64];
  const int one = 0, other = 0, event = 0;  // their addresses are handles
  const auto race = [&](bool waits, bool host_waits) {
    StreamOrder order;
    order.copied(memory, memory + 32, 16, true, &one);
    order.recorded(&event, &one);
    if (waits) order.waited(&other, &event);
    order.copied(memory + 16, memory + 8, 4, false, &other);
    if (host_waits) order.seen_by_host(&event);
    order.copied(memory + 48, memory + 40, 4, true, &other);
    return order.races();
  };
  CHECK(race(true, true).empty());
  CHECK(race(false, true) == std::vector<std::string>{"a copy"});
  CHECK(race(true, false) == std::vector<std::string>{"the host"});
}

}  // namespace wasserkern::testing

#endif
