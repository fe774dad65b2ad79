#include "kernels/metric_ring.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("the ring keeps the last steps, each in its row", "[metric_ring]") {
  with_stream([&](auto& stream) {
    OnStream step(stream, std::vector<uint64_t>{0}), bad(stream, std::vector<uint64_t>{0});
    OnStream value(stream, std::vector<float>{0}), ring(stream, std::vector<float>(3 * 4, -1.0f));
    for (uint64_t t = 1; t <= 5; ++t) {
      set_counter(stream, t, step.vector());
      const float metric = static_cast<float>(t);
      stream.copy_from_host(&metric, value.data(), sizeof(float));
      record_metric(stream, step.data(), 1, value.vector(), {ring.data(), 3, 2, 4}, bad.vector());
    }
    REQUIRE(ring.host() == std::vector<float>{-1, 4, -1, -1, -1, 5, -1, -1, -1, 3, -1, -1});
    REQUIRE(bad.host()[0] == 0);
  });
}

TEST_CASE("the first step that is not finite is kept", "[metric_ring]") {
  constexpr uint64_t kLate = (uint64_t{1} << 40) + 7;
  with_stream([&](auto& stream) {
    for (const float wrong : {kNaN, kInfinity, -kInfinity}) {
      OnStream step(stream, std::vector<uint64_t>{0}), bad(stream, std::vector<uint64_t>{0});
      OnStream value(stream, std::vector<float>{1}), broken(stream, std::vector<float>{wrong});
      OnStream ring(stream, std::vector<float>(2));
      const auto record = [&](uint64_t t, auto& metric) {
        set_counter(stream, t, step.vector());
        record_metric(stream, step.data(), 0, metric.vector(), ring.matrix(2, 1), bad.vector());
      };
      record(kLate - 1, value);
      REQUIRE(bad.host()[0] == 0);
      record(kLate, broken);
      record(kLate + 1, value);
      record(kLate + 2, broken);
      REQUIRE(bad.host()[0] == kLate);
      REQUIRE(step.host()[0] == kLate + 2);
    }
  });
}

TEST_CASE("record_metric refuses columns that are not there and values that are no scalars", "[metric_ring]") {
  with_stream([&](auto& stream) {
    OnStream step(stream, std::vector<uint64_t>{1, 1});
    OnStream ring(stream, std::vector<float>(6));
    const Vector<const float> value{ring.data(), 1};
    const Vector<uint64_t> bad{step.data() + 1, 1};
    REQUIRE_THROWS_AS(record_metric(stream, step.data(), 3, value, ring.matrix(2, 3), bad), ShapeError);
    REQUIRE_THROWS_AS(record_metric(stream, step.data(), -1, value, ring.matrix(2, 3), bad), ShapeError);
    REQUIRE_THROWS_AS(record_metric(stream, step.data(), 0, value, ring.matrix(0, 3), bad), ShapeError);
    REQUIRE_THROWS_AS(record_metric(stream, step.data(), 0, ring.vector(), ring.matrix(2, 3), bad), ShapeError);
    REQUIRE_THROWS_AS(record_metric(stream, step.data(), 0, value, ring.matrix(2, 3), step.vector()), ShapeError);
    REQUIRE_THROWS_AS(set_counter(stream, 1, step.vector()), ShapeError);
  });
}
