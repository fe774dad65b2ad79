#include "kernels/stream.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <limits>

#include "kernels/elementwise.h"
#include "kernels/metric_ring.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

template <class Stream>
constexpr bool kIsCuda = std::is_same_v<Stream, CudaStream>;

/// What `body` submits, recorded.
template <class Stream, class Body>
std::unique_ptr<Recording> recorded(Stream& stream, Body body) {
  stream.begin_recording();
  stream.submit(body);
  return stream.end_recording();
}

}  // namespace

TEST_CASE("memory holds what was copied in", "[stream]") {
  with_stream([&](auto& stream) {
    // More than a ring of upload buffers holds, and a host buffer that changes as soon as the copy returns.
    constexpr size_t kCount = 1'500'000;
    std::vector<float> host(kCount), expected(kCount);
    OnStream first(stream, host), second(stream, host);
    for (size_t i = 0; i < kCount; ++i) host[i] = expected[i] = static_cast<float>(i);
    stream.copy_from_host(host.data(), first.data(), kCount * sizeof(float));
    for (float& value : host) value = -value;
    stream.copy_from_host(host.data(), second.data(), kCount * sizeof(float));
    std::memset(host.data(), 0, kCount * sizeof(float));
    REQUIRE(first.host() == expected);
    for (float& value : expected) value = -value;
    REQUIRE(second.host() == expected);
    stream.copy_from_host(nullptr, first.data(), 0);
    stream.copy_to_host(first.data(), nullptr, 0);
  });
}

// Where all work runs at once, as under an emulator, a missing dependency between the streams cannot show.
TEST_CASE("uploads take their turn among kernels, however many are under way", "[stream]") {
  with_stream([&](auto& stream) {
    constexpr int64_t kCount = 3000;
    constexpr int kUploads = 37;  // several turns of the ring
    std::vector<float> host(kCount), expected(kCount);
    OnStream x(stream, host), total(stream, host);
    for (int upload = 0; upload < kUploads; ++upload) {
      for (int64_t i = 0; i < kCount; ++i) expected[i] += host[i] = static_cast<float>(upload * kCount + i);
      stream.copy_from_host(host.data(), x.data(), kCount * sizeof(float));
      accumulate(stream, x.vector(), total.vector());
    }
    REQUIRE(total.host() == expected);
  });
}

TEST_CASE("staging memory is filled when a later event is reached", "[stream]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>{1, 2, 3});
    auto* staging = static_cast<float*>(stream.allocate_staging(3 * sizeof(float)));
    stream.copy_to_staging(x.data(), staging, 3 * sizeof(float));
    const std::unique_ptr<Event> event = stream.mark();
    stream.synchronize();
    REQUIRE(event->reached());
    REQUIRE(std::vector<float>(staging, staging + 3) == std::vector<float>{1, 2, 3});
    stream.release_staging(staging);
  });
}

TEST_CASE("a recording runs again with the same memory", "[stream]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>{1, 2, 3}), y(stream, std::vector<float>(3));
    const auto recording = recorded(stream, [=, x = x.vector(), y = y.vector()](auto& s) {
      accumulate(s, x, y);
      unary(s, {UnaryFunction::Kind::Affine, 1, 10}, y, y);
    });
    REQUIRE(y.host() == std::vector<float>{11, 12, 13});
    fill(stream, 0, y.vector());
    for (int i = 0; i < 3; ++i) recording->replay();
    REQUIRE(y.host() == std::vector<float>{33, 36, 39});
    fill(stream, 5, x.vector());
    recording->replay();
    REQUIRE(y.host() == std::vector<float>{48, 51, 54});
  });
}

TEST_CASE("a recorded draw follows the step", "[stream]") {
  with_stream([&](auto& stream) {
    OnStream step(stream, std::vector<uint64_t>{1});
    OnStream eager(stream, std::vector<float>(101)), replayed(stream, std::vector<float>(101));
    const Draw draw{42, step.data(), 3};
    const auto recording = recorded(stream, [draw, out = replayed.vector()](auto& s) { normal(s, draw, out); });
    for (const uint64_t t : {7, 8}) {
      set_counter(stream, t, step.vector());
      normal(stream, draw, eager.vector());
      recording->replay();
      REQUIRE(replayed.host() == eager.host());
    }
  });
}

TEST_CASE("an empty recording replays nothing", "[stream]") {
  with_stream([&](auto& stream) {
    stream.begin_recording();
    stream.end_recording()->replay();
    stream.synchronize();
  });
}

TEST_CASE("an abandoned recording leaves the stream usable", "[stream]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>{1, 2}), y(stream, std::vector<float>{3, 4});
    stream.abandon_recording();
    stream.begin_recording();
    stream.submit([x = x.vector(), y = y.vector()](auto& s) { accumulate(s, x, y); });
    stream.abandon_recording();
    copy(stream, x.vector(), y.vector());
    REQUIRE(y.host() == std::vector<float>{1, 2});
    const auto recording = recorded(stream, [x = x.vector(), y = y.vector()](auto& s) { accumulate(s, x, y); });
    fill(stream, 0, y.vector());
    recording->replay();
    REQUIRE(y.host() == std::vector<float>{1, 2});
  });
}

TEST_CASE("a workspace grows, is kept, and is aligned", "[stream]") {
  with_stream([&](auto& stream) {
    using Stream = std::remove_reference_t<decltype(stream)>;
    const size_t before = stream.workspace_growths();
    constexpr size_t kLarge = size_t{8} << 20;
    void* large = stream.workspace(kLarge);
    REQUIRE(reinterpret_cast<uintptr_t>(large) % 64 == 0);
    const size_t after = stream.workspace_growths();
    REQUIRE(after <= before + 1);
    REQUIRE(stream.workspace(kLarge) == large);
    REQUIRE(stream.workspace(1) == large);
    REQUIRE(stream.workspace_growths() == after);
    if constexpr (kIsCuda<Stream>) {
      stream.begin_recording();
      REQUIRE(stream.workspace(kLarge) == large);
      REQUIRE_THROWS_WITH(stream.workspace(size_t{1} << 30), Catch::Contains("record"));
      stream.abandon_recording();
      REQUIRE(stream.workspace_growths() == after);
    }
  });
}

TEST_CASE("a recording keeps its result when the workspace grows after it", "[stream]") {
  with_stream([&](auto& stream) {
    OnStream x(stream, std::vector<float>(70001, 1.0f)), total(stream, std::vector<float>(1));
    sum(stream, x.vector(), total.vector());
    const auto recording = recorded(stream, [x = x.vector(), total = total.vector()](auto& s) { sum(s, x, total); });
    const size_t growths = stream.workspace_growths();
    stream.workspace(size_t{64} << 20);
    REQUIRE(stream.workspace_growths() == growths + 1);
    fill(stream, 2, x.vector());
    recording->replay();
    REQUIRE(total.host()[0] == 140002);
  });
}

TEST_CASE("memory that is not there is a DeviceError", "[stream]") {
  with_stream([&](auto& stream) {
    REQUIRE_THROWS_AS(stream.allocate(size_t{1} << 60), DeviceError);
    OnStream x(stream, std::vector<float>{1});  // and the stream goes on
    REQUIRE(x.host()[0] == 1);
  });
}

TEST_CASE("streams describe themselves", "[stream]") {
  with_stream([&](auto& stream) {
    REQUIRE(stream.description().find(on_cuda() ? "compute capability" : "threads") != std::string::npos);
    stream.push_range("a range");
    stream.pop_range();
  });
}

TEST_CASE("a CPU stream needs a thread", "[stream]") { REQUIRE_THROWS_AS(CpuStream(0), UsageError); }

#if WASSERKERN_CUDA
TEST_CASE("what cannot be done while recording says so", "[stream]") {
  if (!on_cuda()) return;
  REQUIRE(CudaStream::unavailable().empty());
  CudaStream stream({});
  void* memory = stream.allocate(64);
  void* spare = stream.allocate(64);
  char host[64] = {};
  stream.begin_recording();
  REQUIRE_THROWS_AS(stream.begin_recording(), DeviceError);
  REQUIRE_THROWS_WITH(stream.allocate(64), Catch::Contains("recorded"));
  REQUIRE_THROWS_WITH(stream.allocate_staging(64), Catch::Contains("recorded"));
  REQUIRE_THROWS_WITH(stream.copy_from_host(host, memory, 64), Catch::Contains("recorded"));
  REQUIRE_THROWS_WITH(stream.copy_to_host(memory, host, 64), Catch::Contains("recorded"));
  REQUIRE_THROWS_WITH(stream.copy_to_staging(memory, host, 64), Catch::Contains("recorded"));
  REQUIRE_THROWS_WITH(stream.synchronize(), Catch::Contains("recorded"));
  REQUIRE_THROWS_WITH(stream.mark(), Catch::Contains("recorded"));
  stream.release(spare);
  const std::unique_ptr<Recording> recording = stream.end_recording();
  recording->replay();
  REQUIRE_THROWS_AS(stream.end_recording(), DeviceError);
  stream.release(memory);
}

TEST_CASE("a CUDA device that is not there is a DeviceError", "[stream]") {
  REQUIRE_THROWS_AS(CudaStream({-1, false}), UsageError);
  REQUIRE_THROWS_AS(CudaStream({1000, false}), DeviceError);
}
#endif
