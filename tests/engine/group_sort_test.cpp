#include "engine/ops/group_sort.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/tape.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"

namespace wasserkern::testing {

// Squared, so that there is a second derivative, and far apart, so that no order changes.
TEST_CASE("group_sort differentiates twice", "[group_sort]") {
  for (const auto& [shape, size] :
       {std::pair<Shape, int64_t>{{3, 8}, 2}, {{2, 18}, 9}, {{4, 3}, 3}, {{2, 5}, 1}, {{2, 2, 1, 6}, 4}})
    check_op({"group_sort in groups of " + std::to_string(size),
              {shape},
              [size = size](const auto& x) { return square(group_sort(x[0], size)); },
              [size = size](const auto& x) {
                Doubles out = x[0];
                for (auto group = out.begin(); group != out.end(); group += size) std::sort(group, group + size);
                for (double& value : out) value *= value;
                return out;
              },
              [](double value) { return 30 * value; }});
}

TEST_CASE("group_sort's derivative goes back to where a value came from, and equal values keep their order",
          "[group_sort]") {
  Tensor x = Tensor::from_host(test_device(), {1, 6}, std::vector<float>{3, 1, 2, 2, 0, 5});
  x.require_gradient();
  const Tensor y = group_sort(x, 2);
  CHECK(y.to_host() == std::vector<float>{1, 3, 2, 2, 0, 5});
  const Tensor weights = Tensor::from_host(test_device(), {1, 6}, std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(grad(sum(y * weights), x).to_host() == std::vector<float>{2, 1, 3, 4, 5, 6});
}

TEST_CASE("group_sort needs groups that divide its features", "[group_sort]") {
  const auto of = [](const Shape& shape, int64_t size) {
    return group_sort(Tensor::full(test_device(), shape, 1), size);
  };
  CHECK(of({0, 4}, 2).size() == 0);
  CHECK_THROWS_AS(of({2, 5}, 2), ShapeError);
  CHECK_THROWS_AS(of({2, 4}, 0), ShapeError);
}

}  // namespace wasserkern::testing
