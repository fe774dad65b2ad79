#include "engine/metrics.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/device.h"

namespace wasserkern::testing {
namespace {

Tensor scalar(float value) { return Tensor::full(test_device(), {}, value); }

}  // namespace

TEST_CASE("metrics arrive once each, in order", "[metrics]") {
  Metrics metrics(test_device());
  CHECK(metrics.collect(true).empty());
  std::vector<uint64_t> steps;
  for (uint64_t step = 11; step <= 2500; ++step) {
    metrics.begin_step(step);
    metrics.record("loss", scalar(static_cast<float>(step)));
    if (step % 2 == 0) metrics.record("even", scalar(-1));
    if (step % 500 != 0) continue;
    metrics.request();
    for (const auto& row : metrics.collect(true)) {
      steps.push_back(row.step);
      REQUIRE(row.values.at(0) == static_cast<float>(row.step));
      if (row.step % 2 == 0) REQUIRE(row.values.at(1) == -1);
      if (row.step % 2 == 1 && row.values.size() > 1) REQUIRE(std::isnan(row.values[1]));
    }
  }
  REQUIRE(steps.size() == 2490);
  CHECK(steps.front() == 11);
  CHECK(steps.back() == 2500);
  CHECK(metrics.names() == std::vector<std::string>{"loss", "even"});
  CHECK_FALSE(metrics.first_bad_step());
}

TEST_CASE("the first step that is not finite is remembered", "[metrics]") {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Metrics metrics(test_device());
    for (uint64_t step = 1; step <= 5; ++step) {
      metrics.begin_step(step);
      metrics.record("loss", scalar(step >= 3 ? bad : 1));
    }
    CHECK_FALSE(metrics.first_bad_step());
    metrics.request();
    metrics.collect(true);
    CHECK(metrics.first_bad_step() == 3);
  }
}

TEST_CASE("too many metrics are refused", "[metrics]") {
  Metrics metrics(test_device());
  metrics.begin_step(1);
  for (int64_t i = 0; i < Metrics::kColumns; ++i) metrics.record(std::to_string(i), scalar(0));
  CHECK_THROWS_AS(metrics.record("one more", scalar(0)), UsageError);
}

}  // namespace wasserkern::testing
