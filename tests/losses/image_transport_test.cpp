#include "losses/transport/image_transport.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <numeric>
#include <set>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "kernels/error.h"
#include "losses/transport/marginal_bound.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

using losses::image_measures;
using losses::image_transport;
using losses::ImageMeasures;
using losses::ImageTransport;
using losses::ImageTransportRule;

Tensor on_device(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from_host(test_device(), shape, values);
}

std::vector<float> random_values(std::mt19937_64& source, int64_t size) {
  std::uniform_real_distribution<float> value(0.1f, 1);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& element : values) element = source() % 4 ? value(source) : 0.0f;
  return values;
}

ImageMeasures random_measures(std::mt19937_64& source, const Shape& shape) {
  return image_measures(on_device(shape, random_values(source, shape.size())));
}

/// An image of one channel with mass 1 at some pixels, as often as they occur.
Tensor dots(int64_t height, int64_t width, const std::vector<int64_t>& pixels) {
  std::vector<float> values(static_cast<size_t>(height * width));
  for (const int64_t pixel : pixels) values[static_cast<size_t>(pixel)] += 1;
  return on_device({1, height, width, 1}, values);
}

double squared_distance(int64_t width, int64_t i, int64_t j) {
  return std::pow(static_cast<double>(i / width - j / width), 2) +
         std::pow(static_cast<double>(i % width - j % width), 2);
}

/// W2^2 of as many dots to as many: the least mean over all matchings.
double best_matching(int64_t width, const std::vector<int64_t>& from, std::vector<int64_t> to) {
  std::sort(to.begin(), to.end());
  double best = std::numeric_limits<double>::infinity();
  do {
    double cost = 0;
    for (size_t k = 0; k < from.size(); ++k) cost += squared_distance(width, from[k], to[k]);
    best = std::min(best, cost / static_cast<double>(from.size()));
  } while (std::next_permutation(to.begin(), to.end()));
  return best;
}

/// What lies between the value and its bounds: at most epsilon for the entropy of a coupling in the plane, and what
/// mass of the marginal error can move.
void check_against(double exact, const ImageTransport& transport, size_t at, const ImageTransportRule& rule,
                   double farthest) {
  REQUIRE(transport.marginal_error[at] <= rule.tolerance);
  CHECK(transport.lower_bound[at] <= exact + 1e-3);
  CHECK(transport.lower_bound[at] >= exact - 2 * rule.epsilon);
  CHECK(transport.cost[at] >= exact - rule.tolerance * farthest);
  CHECK(transport.cost[at] <= exact + 2 * rule.epsilon + rule.tolerance * farthest);
}

}  // namespace

// Paper 001, section 2.2, the motivating example.
TEST_CASE("of single-pixel images W2 sees the distance between the pixels, L2 does not", "[image_transport]") {
  constexpr int64_t kSide = 9;
  const int64_t from = 2 * kSide + 3;
  const Tensor source = dots(kSide, kSide, {from});
  std::set<float> by_l2;
  for (const int64_t to : {from + 1, from + kSide, from + 2 * kSide + 2, from + 5, int64_t{80}}) {
    const Tensor other = dots(kSide, kSide, {to});
    by_l2.insert(square_root(sum(square(source - other))).item());
    const ImageTransport transport = image_transport(image_measures(source), image_measures(other), {});
    const double expected = squared_distance(kSide, from, to);
    // There is one coupling only, so that the cost is exact, for any epsilon.
    CHECK(transport.cost[0] == Approx(expected).epsilon(1e-6));
    CHECK(transport.lower_bound[0] == Approx(expected).epsilon(1e-5));
  }
  CHECK(by_l2.size() == 1);
  CHECK(*by_l2.begin() == Approx(std::sqrt(2.0)));
}

TEST_CASE("W2^2 between dots is that of their best matching", "[image_transport]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  constexpr int64_t kHeight = 6, kWidth = 7;
  for (const float epsilon : {0.3f, 0.1f})
    for (int round = 0; round < 4; ++round) {
      std::vector<int64_t> from(5), to(5);
      for (auto* dots : {&from, &to})
        for (int64_t& pixel : *dots) pixel = static_cast<int64_t>(source() % (kHeight * kWidth));
      const ImageTransportRule rule{.epsilon = epsilon, .most_iterations = 500};
      const ImageTransport transport =
          image_transport(image_measures(dots(kHeight, kWidth, from)), image_measures(dots(kHeight, kWidth, to)), rule);
      check_against(best_matching(kWidth, from, to), transport, 0, rule, 61);
    }
}

TEST_CASE("W2^2 to a translate is the squared length of the way", "[image_transport]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  constexpr int64_t kHeight = 10, kWidth = 12, kChannels = 2;
  std::vector<float> still(kHeight * kWidth * kChannels), moved(still.size());
  const std::vector<float> content = random_values(source, 5 * 5 * kChannels);
  for (size_t y = 0; y < 5; ++y)
    for (size_t k = 0; k < 5 * kChannels; ++k) {
      still[(y + 1) * kWidth * kChannels + 2 * kChannels + k] = content[y * 5 * kChannels + k];
      moved[(y + 3) * kWidth * kChannels + 6 * kChannels + k] = content[y * 5 * kChannels + k];
    }
  const Shape shape{1, kHeight, kWidth, kChannels};
  const ImageMeasures from = image_measures(on_device(shape, still)), to = image_measures(on_device(shape, moved));
  constexpr double kExpected = kChannels * (2 * 2 + 4 * 4);
  float cost = std::numeric_limits<float>::infinity(), bound = 0;
  for (const float epsilon : {1.6f, 0.4f, 0.1f}) {
    const ImageTransport transport = image_transport(from, to, {.epsilon = epsilon});
    CHECK(transport.lower_bound[0] >= bound * (1 - 1e-5));
    CHECK(transport.lower_bound[0] <= kExpected * (1 + 1e-5));
    CHECK(transport.cost[0] < cost);
    CHECK(transport.cost[0] > kExpected * (1 - 1e-3));
    cost = transport.cost[0];
    bound = transport.lower_bound[0];
  }
  CHECK(cost == Approx(kExpected).margin(0.01));
  CHECK(bound == Approx(kExpected).margin(0.1));
  CHECK(losses::MarginalBounds(from).between(0, losses::MarginalBounds(to), 0) == Approx(kExpected));
}

TEST_CASE("W2^2 between images of one row is that of their quantiles", "[image_transport]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Shape& shape : {Shape{1, 1, 14, 1}, {1, 11, 1, 1}}) {
    const ImageMeasures from = random_measures(source, shape), to = random_measures(source, shape);
    // The quantile functions are constant between levels: sampled so finely, their distance is off by 1e-3.
    const auto quantile = [](const std::vector<float>& mass, double level) {
      size_t place = 0;
      for (double sum = mass[0]; sum < level && place + 1 < mass.size(); sum += mass[++place]) {
      }
      return static_cast<double>(place);
    };
    const std::vector<float> a = from.mass.to_host(), b = to.mass.to_host();
    constexpr int kSamples = 20000;
    double expected = 0;
    for (int k = 0; k < kSamples; ++k)
      expected += std::pow(quantile(a, (k + 0.5) / kSamples) - quantile(b, (k + 0.5) / kSamples), 2) / kSamples;
    CHECK(losses::MarginalBounds(from).between(0, losses::MarginalBounds(to), 0) == Approx(expected).margin(5e-3));
    const ImageTransportRule rule{.epsilon = 0.1f, .tolerance = 1e-4f};
    check_against(expected, image_transport(from, to, rule), 0, rule, 169);
  }
}

TEST_CASE("images in a batch are transported as one at a time, and either way", "[image_transport]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Shape shape{4, 7, 6, 3};
  const ImageMeasures from = random_measures(source, shape.with_rows(1)), to = random_measures(source, shape);
  const ImageTransportRule rule{.epsilon = 0.3f};
  const ImageTransport together = image_transport(from, to, rule);
  const losses::MarginalBounds from_bounds(from), to_bounds(to);
  for (int32_t i = 0; i < 4; ++i) {
    const auto at = static_cast<size_t>(i);
    const ImageMeasures other = to.gathered(Array<int32_t>(test_device(), std::vector<int32_t>{i}));
    const ImageTransport alone = image_transport(from, other, rule), back = image_transport(other, from, rule);
    CHECK(alone.cost[0] == together.cost[at]);
    CHECK(alone.lower_bound[0] == together.lower_bound[at]);
    CHECK(alone.marginal_error[0] == Approx(together.marginal_error[at]));
    CHECK(back.cost[0] == Approx(alone.cost[0]).margin(2 * rule.tolerance * 61));
    CHECK(from_bounds.between(0, to_bounds, i) <= alone.cost[0]);
  }
  const ImageTransport nowhere = image_transport(to, to, rule);
  for (const float bound : nowhere.lower_bound) CHECK(bound == Approx(0).margin(0.3));
}

TEST_CASE("bounds hold before transport settles", "[image_transport]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const ImageMeasures from = random_measures(source, {3, 8, 8, 1}), to = random_measures(source, {3, 8, 8, 1});
  const ImageTransport settled = image_transport(from, to, {.epsilon = 0.1f, .tolerance = 1e-4f});
  const ImageTransport hasty = image_transport(from, to, {.epsilon = 0.1f, .tolerance = 1e-6f, .most_iterations = 1});
  for (size_t i = 0; i < 3; ++i) {
    CHECK(hasty.marginal_error[i] > 1e-6f);
    CHECK(hasty.lower_bound[i] <= settled.cost[i] + 0.01);
    CHECK(std::isfinite(hasty.cost[i]));
  }
}

TEST_CASE("a channel without mass is an even one", "[image_transport]") {
  std::vector<float> values(2 * 3 * 2);
  for (size_t i = 0; i < values.size(); i += 2) values[i] = static_cast<float>(i);
  const std::vector<float> mass = image_measures(on_device({1, 2, 3, 2}, values)).mass.to_host();
  for (size_t i = 0; i < mass.size(); i += 2) {
    CHECK(mass[i] == Approx(static_cast<double>(i) / 30));
    CHECK(mass[i + 1] == Approx(1.0 / 6));
  }
}

TEST_CASE("what is no measure, or no rule, is refused", "[image_transport]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {-1e-6f, nan, infinity})
    CHECK_THROWS_AS(image_measures(on_device({1, 2, 2, 1}, {1, 0, bad, 1})), DataError);
  CHECK_THROWS_AS(image_measures(on_device({2, 2}, {1, 0, 1, 1})), ShapeError);
  const ImageMeasures square = image_measures(on_device({1, 2, 2, 1}, {1, 0, 1, 1}));
  const ImageMeasures row = image_measures(on_device({1, 1, 4, 1}, {1, 0, 1, 1}));
  CHECK_THROWS_AS(image_transport(square, row, {}), ShapeError);
  for (const ImageTransportRule& rule : {ImageTransportRule{.epsilon = 0}, ImageTransportRule{.epsilon = nan},
                                         ImageTransportRule{.tolerance = 0}, ImageTransportRule{.most_iterations = 0}})
    CHECK_THROWS_AS(image_transport(square, square, rule), UsageError);
  const ImageMeasures none = image_measures(on_device({0, 2, 2, 1}, {}));
  CHECK(image_transport(square, none, {}).cost.empty());
}

}  // namespace wasserkern::testing
