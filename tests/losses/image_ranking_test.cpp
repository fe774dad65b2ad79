#include "losses/transport/image_ranking.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "kernels/error.h"
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

}  // namespace wasserkern::testing
