#include "losses/transport/image_ranking.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "kernels/error.h"
#include "losses/transport/exact.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

using losses::ImagePool;
using losses::ImageRanking;
using losses::ImageTransportRule;

/// Images with a bright spot somewhere, of some size, on noise: some are near each other and most are far.
Tensor spots(std::mt19937_64& source, int64_t count, int64_t side, int64_t channels) {
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> values;
  for (int64_t image = 0; image < count; ++image) {
    const float x = uniform(source) * 3, y = uniform(source) * 3, width = 1 + uniform(source);
    for (int64_t i = 0; i < side * side; ++i)
      for (int64_t channel = 0; channel < channels; ++channel) {
        const float right = static_cast<float>(i % side) - 2 - x, down = static_cast<float>(i / side) - 2 - y;
        values.push_back(std::exp(-(right * right + down * down) / width) + 0.02f * uniform(source));
      }
  }
  return Tensor::from_host(test_device(), {count, side, side, channels}, values);
}

}  // namespace

TEST_CASE("a ranking of images is that of all costs, of which few are found out", "[image_ranking]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const int64_t count = on_cuda() ? 24 : 90, side = 8, without = 5;
  const Tensor images = spots(source, count, side, 2);
  const ImagePool pool(images), one(images.viewed_rows(without, without + 1));
  const ImageTransportRule rule{.epsilon = 0.25f};
  const std::vector<float> costs = losses::image_transport(one.measures, pool.measures, rule).cost;
  std::vector<int64_t> expected(costs.size());
  for (size_t i = 0; i < costs.size(); ++i) expected[i] = static_cast<int64_t>(i);
  expected.erase(expected.begin() + without);
  std::sort(expected.begin(), expected.end(),
            [&](int64_t i, int64_t j) { return costs[static_cast<size_t>(i)] < costs[static_cast<size_t>(j)]; });

  for (const int64_t batch : {int64_t{4}, count}) {
    ImageRanking ranking(one, pool, without, rule, batch);
    for (const int64_t nearest : {int64_t{1}, int64_t{5}, int64_t{3}}) {
      const std::vector<int64_t> first(expected.begin(), expected.begin() + nearest);
      CHECK(ranking.nearest(nearest) == first);
    }
    CHECK(ranking.evaluated() >= 5);
    CHECK(ranking.evaluated() < count / 2);
    for (const int64_t place : {0, 2, 17})
      CHECK(ranking.nearer_than(costs[static_cast<size_t>(expected[static_cast<size_t>(place)])]) == place);
    CHECK(ranking.nearest(count - 1) == expected);
    CHECK(ranking.evaluated() == count - 1);
    CHECK_THROWS_AS(ranking.nearest(count), ShapeError);
    CHECK_THROWS_AS(ranking.nearest(0), ShapeError);
  }
}

TEST_CASE("a ranking of images is that of exact transport on their pixels", "[image_ranking]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const int64_t side = on_cuda() ? 8 : 16, pixel_count = side * side;
  const int64_t count = on_cuda() ? 4 : 6;
  const ImagePool pool(spots(source, count, side, 1));
  const std::vector<float> mass = pool.measures.mass.to_host();
  std::vector<float> places;
  for (int64_t i = 0; i < pixel_count; ++i)
    places.insert(places.end(), {static_cast<float>(i % side), static_cast<float>(i / side)});
  const Tensor pixels = Tensor::from_host(test_device(), {pixel_count, 2}, places);
  const auto measure = [&](int64_t image) {
    const auto begin = mass.begin() + image * pixel_count;
    return losses::Measure{pixels, {begin, begin + pixel_count}};
  };

  const ImageTransportRule rule{.epsilon = 0.25f, .tolerance = 1e-4f};
  const ImagePool one(pool.measures.mass.viewed_rows(0, 1));
  const losses::ImageTransport transport = losses::image_transport(one.measures, pool.measures, rule);
  const auto farthest = static_cast<double>(2 * (side - 1) * (side - 1));
  std::vector<double> exact{0};
  for (int64_t image = 1; image < count; ++image) {
    const losses::ExactTransport found = losses::exact_transport(LqCost{2, 2}, measure(0), measure(image));
    REQUIRE(found.certified);
    exact.push_back(2 * found.primal);  // the cost has a factor of 1/2
    const auto at = static_cast<size_t>(image);
    INFO("image " << image << ": " << transport.lower_bound[at] << " <= " << exact[at] << " <= " << transport.cost[at]);
    const double moved = transport.marginal_error[at] * farthest;  // what the marginal error's mass could save
    CHECK(transport.lower_bound[at] <= exact[at] + 1e-4);
    CHECK(transport.cost[at] >= exact[at] - moved);
    CHECK(transport.cost[at] <= exact[at] + rule.epsilon + moved);
  }

  ImageRanking ranking(one, pool, 0, rule, 4);
  const std::vector<int64_t> order = ranking.nearest(count - 1);
  const double error = rule.epsilon + rule.tolerance * farthest;
  int apart = 0;
  for (size_t i = 0; i < order.size(); ++i)
    for (size_t j = i + 1; j < order.size(); ++j) {
      const double nearer = exact[static_cast<size_t>(order[i])], farther = exact[static_cast<size_t>(order[j])];
      CHECK(nearer <= farther + error);
      apart += farther > nearer + error;
    }
  CHECK(apart * 2 > static_cast<int>(order.size() * (order.size() - 1) / 2));  // of most pairs it says something
}

}  // namespace wasserkern::testing
