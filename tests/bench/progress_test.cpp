#include "bench/harness/progress.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace wasserkern::bench;

TEST_CASE("progress is steps, percent, rate, time left, values", "[progress]") {
  CHECK(progress_text(0, 10000, 0, {}) == "    0/10000    0%");
  CHECK(progress_text(1200, 10000, 96.14, {{"distance", 75.125f}}) ==
        " 1200/10000   12%  96.1 steps/s  1:32 left  distance 75.12");
  CHECK(progress_text(12, 100, 1, {}, "pictures") == " 12/100   12%  1 pictures/s  1:28 left");
  CHECK(progress_text(0, 9000, 4500.4, {}) == "   0/9000    0%  4500 steps/s  0:02 left");
  CHECK(progress_text(10000, 10000, 0.123, {}) == "10000/10000  100%  0.123 steps/s  0:00 left");
}

TEST_CASE("a run is not done before its last step", "[progress]") {
  CHECK(progress_text(9999, 10000, 0, {}) == " 9999/10000   99%");
}

TEST_CASE("values that were not recorded are left out", "[progress]") {
  const float nothing = std::numeric_limits<float>::quiet_NaN();
  CHECK(progress_text(1, 2, 0, {{"a", nothing}, {"b", 2}}) == "1/2   50%  b 2");
}

TEST_CASE("times are clocks", "[progress]") {
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(59.4) == "0:59");
  CHECK(clock_text(60) == "1:00");
  CHECK(clock_text(3599) == "59:59");
  CHECK(clock_text(3661) == "1:01:01");
  CHECK(clock_text(100 * 3600) == "100:00:00");
  CHECK(clock_text(-1) == "0:00");
}
