#include <catch2/catch.hpp>

#include "engine/ops/transport.h"
#include "tests/device.h"

namespace wasserkern::testing {

TEST_CASE("nearest lists the nearest points and their costs, outside the tape", "[ops][nearest]") {
  const Tensor x = Tensor::from_host(test_device(), {4, 1, 2}, std::vector<float>{0, 0, 3, 4, 1, 0, 0, 2});
  Tensor y = Tensor::from_host(test_device(), {2, 1, 2}, std::vector<float>{0, 0, 3, 3});
  y.require_gradient();
  const Nearest found = nearest(LqCost{2, 1}, x, y, 3);
  CHECK(found.values.shape() == Shape{2, 3});
  CHECK(found.values.to_host() == std::vector<float>{0, 1, 2, 1, std::sqrt(10.0f), std::sqrt(13.0f)});
  CHECK(found.indices.to_host() == std::vector<int32_t>{0, 2, 3, 1, 3, 2});
  CHECK_FALSE(found.values.on_tape());
  CHECK_THROWS_AS(nearest(LqCost{2, 1}, x, y, 5), ShapeError);
  CHECK_THROWS_AS(nearest(LqCost{2, 1}, x, y, 0), ShapeError);
}

}  // namespace wasserkern::testing
