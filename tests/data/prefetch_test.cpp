#include "data/prefetch.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <stdexcept>

using wasserkern::data::Prefetch;

namespace {

/// An item says its number, and has a length of its own.
void number(uint64_t index, std::vector<float>& values) {
  values.assign(1 + index % 7, static_cast<float>(index % 1000));
}

void check_item(std::span<const float> item, uint64_t index) {
  std::vector<float> expected;
  number(index, expected);
  REQUIRE(std::vector<float>(item.begin(), item.end()) == expected);
}

}  // namespace

TEST_CASE("Items come in their order, at any speed of either side", "[prefetch]") {
  using std::chrono::microseconds;
  for (const auto& [making, taking] : {std::pair{0, 0}, {200, 0}, {0, 200}}) {
    Prefetch items([making = microseconds(making)](uint64_t index, std::vector<float>& values) {
      if (making.count() > 0) std::this_thread::sleep_for(making);
      number(index, values);
    });
    const uint64_t count = making + taking > 0 ? 100 : 2000;
    for (uint64_t index = 0; index < count; ++index) {
      const auto item = items.take(index);
      if (taking > 0) std::this_thread::sleep_for(microseconds(taking));
      check_item(item, index);  // It stays while the thread goes on.
    }
  }
}

TEST_CASE("Any item can be taken next", "[prefetch]") {
  Prefetch items(number);
  std::mt19937_64 random(20261122);
  for (int jump = 0; jump < 300; ++jump) {
    uint64_t index = random() >> random() % 64;
    for (uint64_t last = index + random() % 6; index != last; ++index) check_item(items.take(index), index);
  }
  for (uint64_t index = ~0ull - 5, steps = 0; steps < 12; ++index, ++steps) check_item(items.take(index), index);
}

TEST_CASE("The same item can be taken again", "[prefetch]") {
  Prefetch items(number);
  for (int i = 0; i < 100; ++i) check_item(items.take(5), 5);
}

TEST_CASE("What making an item throws is thrown where it is taken, and only there", "[prefetch]") {
  std::atomic<bool> broken = true;
  Prefetch items([&](uint64_t index, std::vector<float>& values) {
    if (index >= 3 && index < 10 && broken) throw std::runtime_error("item " + std::to_string(index));
    number(index, values);
  });
  for (uint64_t index = 0; index < 3; ++index) check_item(items.take(index), index);
  for (int i = 0; i < 3; ++i) CHECK_THROWS_WITH(items.take(3), "item 3");
  CHECK_THROWS_WITH(items.take(7), "item 7");
  check_item(items.take(10), 10);
  CHECK_THROWS_WITH(items.take(9), "item 9");
  broken = false;
  for (uint64_t index = 3; index < 20; ++index) check_item(items.take(index), index);
}

TEST_CASE("The thread ends whatever it is at", "[prefetch]") {
  { const Prefetch never_used(number); }
  for (int takes = 0; takes < 50; ++takes) {
    Prefetch items(number);
    for (int i = 0; i < takes % 5; ++i) items.take(static_cast<uint64_t>(takes % 3 * i));
  }
  Prefetch broken([](uint64_t, std::vector<float>&) { throw std::bad_alloc(); });
  CHECK_THROWS_AS(broken.take(0), std::bad_alloc);
}
