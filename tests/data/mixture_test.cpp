#include "data/mixture.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/error.h"
#include "tests/stream.h"

namespace wasserkern::testing {

using data::Cluster;
using data::gaussian_mixture;

TEST_CASE("the points of a mixture are those they always were", "[mixture]") {
  // To six digits they are those of an independent implementation in double. A change gives old runs other data: don't.
  const data::Points points = gaussian_mixture(data::three_clusters(), 1);
  REQUIRE(points.count == 140);
  REQUIRE(points.features == 2);
  REQUIRE(points.values.size() == 280);
  CHECK(points.values == gaussian_mixture(data::three_clusters(), 1).values);
  CHECK(points.values != gaussian_mixture(data::three_clusters(), 2).values);
  const std::vector<float> first(points.values.begin(), points.values.begin() + 4);
  CHECK(first == std::vector<float>{-0x1.7c5e7cp-1f, -0x1.66fe8p-6f, -0x1.78c1eep-1f, -0x1.178d76p-2f});
  const std::vector<float> second(points.values.begin() + 120, points.values.begin() + 122);
  CHECK(second == std::vector<float>{0x1.6daf16p-2f, 0x1.f62806p-1f});
  const std::vector<float> last(points.values.end() - 2, points.values.end());
  CHECK(last == std::vector<float>{0x1.e5f58cp-1f, -0x1.03374ep-1f});
}

TEST_CASE("clusters have their means, deviations and counts", "[mixture]") {
  const std::vector<Cluster> clusters = {
      {{-2, 0, 5}, 0.5f, 20'000}, {{1, 1, 1}, 0, 3}, {{0, 0, 0}, 1, 0}, {{10, -7, 0.25f}, 2, 30'001}};
  const data::Points points = gaussian_mixture(clusters, test_seed());
  CHECK(points.count == 50'004);
  CHECK(points.features == 3);
  const float* at = points.values.data();
  for (const Cluster& cluster : clusters) {
    for (size_t k = 0; k < 3; ++k) {
      double mean = 0, square = 0;
      for (int64_t i = 0; i < cluster.count; ++i) {
        const double offset = double(at[i * 3 + int64_t(k)]) - cluster.mean[k];
        mean += offset / double(cluster.count);
        square += offset * offset / double(cluster.count);
      }
      // Five standard errors of the mean and of the variance.
      const double error = 5 * cluster.deviation / std::sqrt(double(std::max<int64_t>(cluster.count, 1)));
      CHECK(std::abs(mean) <= error);
      if (cluster.count > 0)
        CHECK(std::abs(square - std::pow(cluster.deviation, 2)) <= 1.5 * cluster.deviation * error);
    }
    at += cluster.count * 3;
  }
}

TEST_CASE("mixtures that cannot be are errors", "[mixture]") {
  CHECK_THROWS_AS(gaussian_mixture({}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{}, 1, 1}}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{0, 0}, 1, 1}, {{0}, 1, 1}}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{0}, 1, -1}}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{0}, -1, 1}}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{0}, NAN, 1}}, 1), UsageError);
}

}  // namespace wasserkern::testing
