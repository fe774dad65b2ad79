#include "engine/tensor.h"

#include <catch2/catch.hpp>
#include <limits>

#include "engine/memory.h"
#include "tests/device.h"

namespace wasserkern::testing {

TEST_CASE("shapes know their sizes and refuse nonsense", "[tensor]") {
  CHECK(Shape({2, 3, 4}).size() == 24);
  CHECK(Shape({2, 3, 4}).rows() == 2);
  CHECK(Shape({2, 3, 4}).columns() == 12);
  CHECK(Shape().size() == 1);
  CHECK(Shape({0, 5}).size() == 0);
  CHECK(Shape({2, 3}).text() == "[2, 3]");
  CHECK_THROWS_AS(Shape({-1}), ShapeError);
  CHECK_THROWS_AS(Shape({1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_THROWS_AS(Shape({std::numeric_limits<int64_t>::max(), 2}), ShapeError);
}

TEST_CASE("tensors share, view and copy", "[tensor]") {
  const Tensor x = Tensor::from_host(test_device(), {3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(x.viewed_rows(1, 3).to_host() == std::vector<float>{3, 4, 5, 6});
  CHECK(x.viewed_as({6}).viewed_rows(5, 6).item() == 6);
  x.viewed_rows(0, 1).copy_from_host(std::vector<float>{9, 8});
  CHECK(x.to_host() == std::vector<float>{9, 8, 3, 4, 5, 6});
  CHECK(x.version() == 2);
  CHECK_THROWS_AS(x.viewed_rows(2, 4), ShapeError);
  CHECK_THROWS_AS(x.viewed_as({5}), ShapeError);
  CHECK_THROWS_AS(x.item(), ShapeError);
  CHECK_THROWS_AS(x.copy_from_host(std::vector<float>{1}), ShapeError);
  CHECK_THROWS_AS(Tensor().to_host(), Error);
  CHECK(Tensor::empty(test_device(), {0, 4}).to_host().empty());
}

TEST_CASE("a pool hands blocks out again and knows what is out", "[memory]") {
  int64_t held = 0;
  {
    Pool pool(
        [&](size_t bytes) {
          ++held;
          return ::operator new(bytes);
        },
        [&](void* block) {
          --held;
          ::operator delete(block);
        });
    void* first = pool.take(1000);
    pool.give_back(first, 1000);
    CHECK(pool.take(1001) == first);  // the same size class
    CHECK(pool.growths() == 1);
    pool.spare_what_is_out();
    CHECK(pool.growths() == 2);
    void* second = pool.take(1000);
    CHECK(second != first);
    CHECK(pool.growths() == 2);
    pool.give_back(first, 1000);
    pool.give_back(second, 1000);
    CHECK(pool.bytes() >= 2000);
    CHECK(pool.bytes() <= 2600);
  }
  CHECK(held == 0);
}

TEST_CASE("devices say what they are, and refuse what they are not", "[device]") {
  CHECK_THROWS_AS(Device({.name = "tpu"}), UsageError);
  CHECK_THROWS_AS(Device({.name = "cpu", .threads = -1}), UsageError);
  Device cpu({.name = "cpu", .threads = 1});
  CHECK(cpu.choice() == "cpu (as asked)");
  CHECK_THAT(cpu.description(), Catch::Contains("threads 1") && Catch::Contains("oneDNN"));
  Device automatic;
  CHECK(automatic.is_cuda() == on_cuda());
  if (on_cuda()) return;
  CHECK_THAT(automatic.choice(), Catch::StartsWith("cpu (auto: "));
  CHECK_THROWS_AS(Device({.name = "cuda"}), DeviceError);
}

}  // namespace wasserkern::testing
