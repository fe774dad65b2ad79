#include "data/mixture.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "kernels/error.h"
#include "tests/stream.h"

namespace wasserkern::testing {

using data::Cluster;
using data::gaussian_mixture;
using data::mixture_sample;

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

TEST_CASE("fresh points are those they always were", "[mixture]") {
  // To six digits they are those of an independent implementation in double. A change gives old runs other data: don't.
  const data::Points points = mixture_sample(data::ring_of_clusters(2, 0.5f), 3, 1, 2);
  CHECK(points.count == 3);
  CHECK(points.features == 2);
  CHECK(points.values == std::vector<float>{-0x1.cdee56p+0f, -0x1.3d471cp+0f, -0x1.16e32p-3f, 0x1.52abap+1f,
                                            -0x1.235924p+0f, -0x1.ea29c4p+0f});
}

TEST_CASE("fresh points have the shares, means and deviations of their clusters", "[mixture]") {
  constexpr int64_t kPoints = 40'000, kSamples = 5;
  const std::vector<Cluster> clusters = {{{100, 0}, 1, 1}, {{0, 100}, 2, 0}, {{-100, 0}, 3, 4}, {{0, -100}, 0.5f, 3}};
  std::vector<double> count(4), offset(4), square(4);
  for (int64_t number = 0; number < kSamples; ++number) {
    const data::Points points = mixture_sample(clusters, kPoints, test_seed(), static_cast<uint64_t>(number));
    REQUIRE(points.values.size() == 2 * kPoints);
    for (size_t i = 0; i < points.values.size(); i += 2) {
      const float x = points.values[i], y = points.values[i + 1];
      const size_t mode = std::abs(x) > std::abs(y) ? (x > 0 ? 0 : 2) : (y > 0 ? 1 : 3);
      for (size_t k = 0; k < 2; ++k) {
        const double difference = double(points.values[i + k]) - clusters[mode].mean[k];
        offset[mode] += difference;
        square[mode] += difference * difference;
      }
      ++count[mode];
    }
  }
  CHECK(count[1] == 0);
  for (const size_t mode : {0, 2, 3}) {
    // Five standard errors, of a binomial count, of a mean and of a variance.
    const double share = double(clusters[mode].count) / 8, all = double(kPoints * kSamples);
    CHECK(std::abs(count[mode] - share * all) < 5 * std::sqrt(all * share * (1 - share)));
    const double coordinates = 2 * count[mode], deviation = clusters[mode].deviation;
    CHECK(std::abs(offset[mode] / coordinates) < 5 * deviation / std::sqrt(coordinates));
    CHECK(std::abs(square[mode] / coordinates / (deviation * deviation) - 1) < 5 * std::sqrt(2 / coordinates));
  }
}

TEST_CASE("samples differ by seed and number, and their points from each other", "[mixture]") {
  const auto clusters = data::ring_of_clusters(1, 0.1f);
  std::map<std::vector<float>, int> seen;
  for (uint64_t seed = 0; seed < 3; ++seed)
    for (uint64_t number = 0; number < 5; ++number) {
      const data::Points points = mixture_sample(clusters, 50, seed, number);
      CHECK(points.values == mixture_sample(clusters, 50, seed, number).values);
      for (size_t i = 0; i < points.values.size(); i += 2) ++seen[{points.values[i], points.values[i + 1]}];
    }
  CHECK(seen.size() == 3 * 5 * 50);
  CHECK(mixture_sample(clusters, 0, 1, 1).values.empty());
}

TEST_CASE("eight clusters lie on a circle at equal ways", "[mixture]") {
  const auto clusters = data::ring_of_clusters(3, 0.25f, 7);
  REQUIRE(clusters.size() == 8);
  for (size_t i = 0; i < 8; ++i) {
    const auto angle = double(i) * std::acos(-1) / 4;
    CHECK(clusters[i].mean[0] == Approx(3 * std::cos(angle)).margin(1e-6));
    CHECK(clusters[i].mean[1] == Approx(3 * std::sin(angle)).margin(1e-6));
    CHECK(clusters[i].deviation == 0.25f);
    CHECK(clusters[i].count == 7);
  }
}

TEST_CASE("mixtures that cannot be are errors", "[mixture]") {
  CHECK_THROWS_AS(gaussian_mixture({}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{}, 1, 1}}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{0, 0}, 1, 1}, {{0}, 1, 1}}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{0}, 1, -1}}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{0}, -1, 1}}, 1), UsageError);
  CHECK_THROWS_AS(gaussian_mixture({{{0}, NAN, 1}}, 1), UsageError);
  CHECK_THROWS_AS(mixture_sample({}, 1, 1, 1), UsageError);
  CHECK_THROWS_AS(mixture_sample({{{0}, 1, -1}, {{0}, 1, 2}}, 1, 1, 1), UsageError);
  CHECK_THROWS_AS(mixture_sample({{{0}, 1, 0}}, 1, 1, 1), UsageError);
  CHECK_THROWS_AS(mixture_sample({{{0}, 1, 1}}, -1, 1, 1), UsageError);
}

}  // namespace wasserkern::testing
