#include "losses/transport/quantisation.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "kernels/error.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

using losses::Clustering;
using losses::GeometricMedianRule;
using losses::PointDistances;
using losses::QuantisationRule;
using losses::Quantiser;

constexpr LqCost kEuclidean{.q = 2, .p = 1};

Tensor points_of(const std::vector<float>& values, int64_t dimension) {
  return Tensor::from_host(test_device(), {std::ssize(values) / dimension, dimension}, values);
}

/// Points around a few places, so that clusters are there but overlap.
std::vector<float> heaps(std::mt19937_64& source, int64_t count, int64_t dimension) {
  std::vector<float> values = random_normals(source, count * dimension);
  const std::vector<float> places = random_normals(source, 5 * dimension, 2);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t point = i / static_cast<size_t>(dimension), k = i % static_cast<size_t>(dimension);
    values[i] += places[point % 5 * static_cast<size_t>(dimension) + k];
  }
  return values;
}

double distance(const float* x, const std::vector<double>& y) {
  double squares = 0;
  for (size_t k = 0; k < y.size(); ++k) squares += (double{x[k]} - y[k]) * (double{x[k]} - y[k]);
  return std::sqrt(squares);
}

/// Lloyd's rounds on coordinates, in double: what Quantiser does without them.
struct NaiveClusters {
  const std::vector<float>& values;
  size_t dimension, k;
  std::vector<std::vector<double>> centroids = {};

  size_t count() const { return values.size() / dimension; }
  const float* point(size_t i) const { return values.data() + i * dimension; }

  std::vector<double> mean(const std::vector<size_t>& members, const std::vector<double>& weights) const {
    std::vector<double> centroid(dimension, 0);
    double total = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      total += weights[i];
      for (size_t c = 0; c < dimension; ++c) centroid[c] += weights[i] * double{point(members[i])[c]};
    }
    for (double& value : centroid) value /= total;
    return centroid;
  }
  std::vector<size_t> members(const std::vector<int32_t>& cluster, size_t c) const {
    std::vector<size_t> list;
    for (size_t i = 0; i < count(); ++i)
      if (static_cast<size_t>(cluster[i]) == c) list.push_back(i);
    return list;
  }
  /// Weiszfeld's steps with the weight 1 / max(distance, 1e-8), many of them.
  std::vector<double> median(const std::vector<size_t>& members) const {
    std::vector<double> weights(members.size(), 1);
    std::vector<double> centre = mean(members, weights);
    for (int step = 0; step < 3000; ++step) {
      for (size_t i = 0; i < members.size(); ++i) weights[i] = 1 / std::max(distance(point(members[i]), centre), 1e-8);
      centre = mean(members, weights);
    }
    return centre;
  }
  void move(const std::vector<int32_t>& cluster, bool medians) {
    centroids.clear();
    for (size_t c = 0; c < k; ++c) {
      const std::vector<size_t> own = members(cluster, c);
      REQUIRE(!own.empty());
      centroids.push_back(medians ? median(own) : mean(own, std::vector<double>(own.size(), 1)));
    }
  }
  size_t nearest(size_t i) const {
    size_t best = 0;
    for (size_t c = 1; c < k; ++c)
      if (distance(point(i), centroids[c]) < distance(point(i), centroids[best])) best = c;
    return best;
  }
  double loss(const std::vector<int32_t>& cluster, bool medians) const {
    double sum = 0;
    for (size_t i = 0; i < count(); ++i) {
      const double far = distance(point(i), centroids[static_cast<size_t>(cluster[i])]);
      sum += medians ? far : far * far;
    }
    return sum / static_cast<double>(count());
  }
};

std::vector<double> geometric_median_of(const std::vector<float>& values, int64_t dimension,
                                        const GeometricMedianRule& rule = {.steps = 2000, .tolerance = 1e-9}) {
  const auto count = std::ssize(values) / dimension;
  const PointDistances distances(points_of(values, dimension));
  std::vector<int64_t> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(i);
  const auto median = losses::geometric_median(distances, all, rule);
  std::vector<double> centre(static_cast<size_t>(dimension), 0);
  for (size_t i = 0; i < values.size(); ++i)
    centre[i % centre.size()] += median.weight[i / centre.size()] * double{values[i]} / static_cast<double>(count);
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += distance(values.data() + i * dimension, centre);
  CHECK(median.distance_sum == Approx(sum).epsilon(1e-5).margin(1e-5));
  return centre;
}

}  // namespace

TEST_CASE("rounds of clustering are those on coordinates", "[quantisation]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const auto& [count, dimension, k] :
       {std::tuple<int64_t, int64_t, int64_t>{40, 3, 4}, {17, 150, 3}, {60, 2, 5}}) {
    const std::vector<float> values = heaps(source, count, dimension);
    NaiveClusters naive{values, static_cast<size_t>(dimension), static_cast<size_t>(k)};
    for (const bool medians : {false, true}) {
      std::vector<int32_t> before;
      for (int64_t rounds = 0; rounds < 6; ++rounds) {
        INFO(count << " points in " << dimension << " dimensions, medians " << medians << ", rounds " << rounds);
        const QuantisationRule rule{.mean_rounds = medians ? 0 : rounds,
                                    .mean_tolerance = 0,
                                    .median_rounds = rounds,
                                    .median = {.steps = 2000, .tolerance = 1e-9}};
        const Quantiser quantiser(points_of(values, dimension), rule);
        const Clustering clustering = medians ? quantiser.k_medians(k, 1) : quantiser.k_means(k, 1);
        if (rounds > 0) {
          for (size_t i = 0; i < naive.count(); ++i)
            CHECK(static_cast<size_t>(clustering.cluster[i]) == naive.nearest(i));
        }
        const double loss_before = naive.centroids.empty() || rounds == 0 ? std::numeric_limits<double>::infinity()
                                                                          : naive.loss(before, medians);
        naive.move(clustering.cluster, medians);
        CHECK(clustering.loss == Approx(naive.loss(clustering.cluster, medians)).epsilon(1e-5));
        CHECK(clustering.loss <= loss_before * (1 + 1e-6));
        const std::vector<float> centroids = quantiser.projection(clustering).points.to_host();
        for (size_t c = 0; c < naive.k; ++c)
          CHECK(distance(centroids.data() + c * naive.dimension, naive.centroids[c]) < 1e-3);
        before = clustering.cluster;
      }
      naive.centroids.clear();
    }
  }
}

TEST_CASE("a clustering that is done has its nearest centroids, on any number of threads", "[quantisation]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const int64_t count = on_cuda() ? 60 : 1100, dimension = 5, k = 9;
  const std::vector<float> values = heaps(source, count, dimension);
  const Tensor points = points_of(values, dimension);
  const Quantiser quantiser(points);
  const Clustering clustering = quantiser.k_medians(k, 3);
  REQUIRE(clustering.stable);
  const losses::Measure projection = quantiser.projection(clustering);
  const Minimum nearest = min_over(kEuclidean, projection.points, Tensor::full(test_device(), {k}, 0), points);
  CHECK(nearest.argmin.to_host() == clustering.cluster);
  CHECK(mean(nearest.value).item() == Approx(clustering.loss).epsilon(1e-5));
  for (int64_t c = 0; c < k; ++c)
    CHECK(projection.mass[static_cast<size_t>(c)] ==
          Approx(static_cast<double>(std::count(clustering.cluster.begin(), clustering.cluster.end(), c)) /
                 static_cast<double>(count)));

  if (on_cuda()) return;
  for (const int threads : {1, 3}) {
    Device device({.name = "cpu", .threads = threads});
    const Clustering other = Quantiser(Tensor::from_host(device, {count, dimension}, values)).k_medians(k, 3);
    CHECK(other.cluster == clustering.cluster);
    CHECK(other.loss == clustering.loss);
  }
}

TEST_CASE("geometric medians are the points at the least sum of distances", "[quantisation]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const std::vector<float> values = random_normals(source, 2 * 9);
  const std::vector<double> centre = geometric_median_of(values, 2);
  const auto cost = [&](double x, double y) {
    double sum = 0;
    for (size_t i = 0; i < 9; ++i) sum += distance(values.data() + 2 * i, {x, y});
    return sum;
  };
  double least = std::numeric_limits<double>::infinity();
  for (double x = -3; x <= 3; x += 0.01)
    for (double y = -3; y <= 3; y += 0.01) least = std::min(least, cost(x, y));
  CHECK(cost(centre[0], centre[1]) < least + 1e-5);

  // On a line the median; its steps start at the mean, which may be a point itself, or one of several.
  CHECK(geometric_median_of({-3, 0, 1, 1, 1}, 1)[0] == Approx(1).margin(1e-4));
  CHECK(geometric_median_of({-4, -4, 0, 0, 3, 4, 1}, 1)[0] == Approx(0).margin(1e-4));
  CHECK(geometric_median_of({8, 1, 3, 2, 100}, 1)[0] == Approx(3).margin(1e-3));
  // The corners of an obtuse triangle, and those of a square with its middle.
  CHECK(distance(std::vector<float>{0, 0}.data(), geometric_median_of({-4, 1, 4, 1, 0, 0}, 2)) < 1e-3);
  CHECK(distance(std::vector<float>{1, 1}.data(), geometric_median_of({0, 0, 2, 0, 0, 2, 2, 2, 1, 1}, 2)) < 1e-6);
  CHECK(geometric_median_of({7, 7, 7}, 1)[0] == 7);
  CHECK(geometric_median_of({5}, 1)[0] == 5);
  const double between = geometric_median_of({2, 6}, 1)[0];
  CHECK(between == 4);
}

TEST_CASE("starts of k-means are drawn by squared distances, the better of two", "[quantisation]") {
  const std::vector<float> values{0, 1, 3, 7, 8};
  constexpr size_t kCount = 5;
  const auto square = [&](size_t i, size_t j) { return double{(values[i] - values[j]) * (values[i] - values[j])}; };
  const auto clusters = [&](size_t first, size_t second) {
    std::vector<int32_t> cluster;
    for (size_t i = 0; i < kCount; ++i) cluster.push_back(square(i, second) < square(i, first));
    return cluster;
  };
  // All that can happen: k = 2 has 2 + ln 2 candidates, two.
  std::vector<std::pair<std::vector<int32_t>, double>> expected;
  for (size_t first = 0; first < kCount; ++first) {
    double total = 0;
    for (size_t i = 0; i < kCount; ++i) total += square(i, first);
    const auto left = [&](size_t second) {
      double sum = 0;
      for (size_t i = 0; i < kCount; ++i) sum += std::min(square(i, first), square(i, second));
      return sum;
    };
    for (size_t a = 0; a < kCount; ++a)
      for (size_t b = 0; b < kCount; ++b)
        expected.emplace_back(clusters(first, left(b) < left(a) ? b : a),
                              square(a, first) * square(b, first) / (total * total * kCount));
  }
  const Quantiser quantiser(points_of(values, 1), {.mean_rounds = 0});
  constexpr int kStarts = 4000;
  std::vector<std::vector<int32_t>> seen;
  for (uint64_t restart = 0; restart < kStarts; ++restart) seen.push_back(quantiser.k_means(2, 7, restart).cluster);
  CHECK(quantiser.k_means(2, 7, 5).cluster == seen[5]);
  CHECK(quantiser.k_means(2, 7).cluster == seen[0]);
  double counted = 0;
  for (size_t first = 0; first < kCount; ++first)
    for (size_t second = 0; second < kCount; ++second) {
      const std::vector<int32_t> cluster = clusters(first, second);
      bool again = first == second;
      for (size_t i = 0; i < first * kCount + second; ++i) again |= clusters(i / kCount, i % kCount) == cluster;
      if (again) continue;
      double share = 0;
      for (const auto& [other, probability] : expected) share += other == cluster ? probability : 0;
      const double found = static_cast<double>(std::count(seen.begin(), seen.end(), cluster)) / kStarts;
      counted += found;
      // Five standard deviations of what chance does to a share of 4,000.
      CHECK(std::abs(found - share) <= 5 * std::sqrt(share * (1 - share) / kStarts) + 1e-9);
    }
  CHECK(counted == Approx(1));
}

TEST_CASE("clusters of few, of equal, and of too few points", "[quantisation]") {
  std::mt19937_64 source(test_seed());
  const std::vector<float> values = random_normals(source, 3 * 7);
  const Quantiser quantiser(points_of(values, 3));
  const Clustering own = quantiser.k_medians(7, 1);
  CHECK(own.loss == 0);
  std::vector<int32_t> sorted = own.cluster;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6});
  const std::vector<float> centroids = quantiser.projection(own).points.to_host();
  for (size_t i = 0; i < 7; ++i)
    for (size_t k = 0; k < 3; ++k) CHECK(centroids[static_cast<size_t>(own.cluster[i]) * 3 + k] == values[i * 3 + k]);
  CHECK(quantiser.k_medians(1, 1).cluster == std::vector<int32_t>(7, 0));
  CHECK(quantiser.k_medians(1, 1).loss < std::sqrt(quantiser.k_means(1, 1).loss));
  CHECK_THROWS_AS(quantiser.k_means(8, 1), ShapeError);
  CHECK_THROWS_AS(quantiser.k_means(0, 1), ShapeError);

  // Three places, four points each: more clusters than places are filled, at no loss.
  std::vector<float> equal;
  for (int i = 0; i < 12; ++i) equal.push_back(static_cast<float>(i % 3));
  for (const int64_t k : {2, 3, 5, 12}) {
    const Clustering clustering = Quantiser(points_of(equal, 1)).k_medians(k, 1);
    CHECK((clustering.loss < 1e-6) == (k >= 3));
    for (int32_t c = 0; c < k; ++c) CHECK(std::count(clustering.cluster.begin(), clustering.cluster.end(), c) > 0);
  }
  CHECK_THROWS_AS(Quantiser(points_of({}, 2)), ShapeError);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30f})
    CHECK_THROWS_AS(Quantiser(points_of({0, 1, bad}, 1)), DataError);
}

// Paper 004, theorem A.1.3: the projection of the points on their k-medians, each with its share of the points, has the
// least W1 of all measures on k points.
TEST_CASE("no measure on k points is nearer than the projection on k-medians", "[quantisation]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const std::vector<float> values = random_normals(source, 2 * 6);
  const size_t n = 6, k = 2;
  const Quantiser quantiser(points_of(values, 2), {.median = {.steps = 2000, .tolerance = 1e-9}});

  // The least loss of all partitions, and that of the starts.
  NaiveClusters naive{values, 2, k};
  double least = std::numeric_limits<double>::infinity();
  for (int partition = 1; partition < 63; ++partition) {
    std::vector<int32_t> cluster;
    for (size_t i = 0; i < n; ++i) cluster.push_back(partition >> i & 1);
    naive.move(cluster, true);
    least = std::min(least, naive.loss(cluster, true));
  }
  Clustering best;
  for (uint64_t restart = 0; restart < 20; ++restart) {
    const Clustering clustering = quantiser.k_medians(k, 1, restart);
    if (restart == 0 || clustering.loss < best.loss) best = clustering;
  }
  CHECK(best.loss == Approx(least).epsilon(1e-5));

  Device host({.name = "cpu", .threads = 1});  // thousands of tiny problems
  const auto distance_to = [&](const std::vector<double>& x, const std::vector<double>& y, double mass) {
    std::vector<float> costs;
    for (size_t i = 0; i < n; ++i)
      for (const auto& place : {x, y}) costs.push_back(static_cast<float>(distance(values.data() + 2 * i, place)));
    const auto transport = losses::exact_transport(Tensor::from_host(host, {6, 2}, costs), {}, {mass, 1 - mass});
    CHECK(transport.certified);
    return transport.primal;
  };
  const losses::Measure projection = quantiser.projection(best);
  const std::vector<float> at = projection.points.to_host();
  const std::vector<double> first{at[0], at[1]}, second{at[2], at[3]};
  const double w1 = distance_to(first, second, projection.mass[0]);
  CHECK(w1 == Approx(best.loss).epsilon(1e-5));
  CHECK(losses::exact_transport(kEuclidean, {points_of(values, 2), {}}, projection).primal == Approx(w1).epsilon(1e-5));

  // All pairs of places of a grid and of the points themselves, with all masses in sixths and some between.
  std::vector<std::vector<double>> places;
  for (double x = -2; x <= 2; ++x)
    for (double y = -2; y <= 2; ++y) places.push_back({x, y});
  for (size_t i = 0; i < n; ++i) places.push_back({values[2 * i], values[2 * i + 1]});
  for (size_t i = 0; i < places.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      for (const double mass : {1 / 6.0, 2 / 6.0, 0.4, 3 / 6.0, 4 / 6.0, 5 / 6.0})
        REQUIRE(distance_to(places[i], places[j], mass) >= w1 - 1e-6);
  // Nor are other masses on the medians themselves.
  for (const double mass : {1 / 6.0, 2 / 6.0, 3 / 6.0, 4 / 6.0, 5 / 6.0})
    if (std::abs(mass - projection.mass[0]) > 0.01) CHECK(distance_to(first, second, mass) > w1 + 1e-3);
}

}  // namespace wasserkern::testing
