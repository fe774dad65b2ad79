#include "bench/wgan_fail/mixture_measures.h"

#include <catch2/catch.hpp>

#include "tests/device.h"

namespace wasserkern::testing {

using data::Cluster;

TEST_CASE("modes count with a hundredth of the points within three deviations", "[mixture][bench]") {
  const std::vector<Cluster> modes = {{{0, 0}, 1, 1}, {{10, 0}, 0.5f, 1}, {{0, 10}, 0, 1}};
  std::vector<float> points;
  const auto add = [&](int64_t count, float x, float y) {
    for (int64_t i = 0; i < count; ++i) points.insert(points.end(), {x, y});
  };
  add(193, 0, 3);      // just near the first
  add(2, 10, -1.5f);   // just near the second
  add(1, 0, 10);       // on the third: one of 200
  add(2, 2.2f, 2.2f);  // further than three, if not by coordinate
  add(2, 8.4f, 0);
  const bench::ModeCoverage coverage = bench::mode_coverage(modes, points);
  CHECK(coverage.covered == 2);
  CHECK(coverage.near == 196 / 200.0);
  add(1, 100, 100);  // now two points are less than a hundredth
  CHECK(bench::mode_coverage(modes, points).covered == 1);
}

TEST_CASE("a mixture covers its own modes", "[mixture][bench]") {
  const auto modes = data::ring_of_clusters(1.4f, 0.014f);
  const data::Points points = data::mixture_sample(modes, 10'000, 3, 4);
  const bench::ModeCoverage coverage = bench::mode_coverage(modes, points.values);
  CHECK(coverage.covered == 8);
  CHECK(coverage.near == Approx(1 - std::exp(-4.5)).margin(5 * 0.001));  // five deviations of a share of 10,000
}

TEST_CASE("exact W1 of points on a line", "[mixture][bench]") {
  Device& device = test_device();
  const Tensor x = Tensor::from_host(device, {3, 1}, std::vector<float>{3, 1, 2});
  const Tensor y = Tensor::from_host(device, {3, 1}, std::vector<float>{2.5f, 4, 1.5f});
  CHECK(bench::exact_w1(x, y) == Approx(2.0 / 3).epsilon(1e-6));
}

}  // namespace wasserkern::testing
