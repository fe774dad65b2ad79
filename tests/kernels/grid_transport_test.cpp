#include "kernels/grid_transport.h"

#include <catch2/catch.hpp>
#include <functional>
#include <limits>

#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Potentials and logarithms of masses of images.
struct Grids {
  int64_t count, height, width, channels;
  std::vector<float> phi = {}, log_mass = {};

  int64_t pixels() const { return height * width; }
  int64_t size() const { return count * pixels() * channels; }
  size_t index(int64_t image, int64_t pixel, int64_t channel) const {
    return static_cast<size_t>((image * pixels() + pixel) * channels + channel);
  }
  double cost(int64_t i, int64_t j) const {
    const double down = static_cast<double>(i / width - j / width), right = static_cast<double>(i % width - j % width);
    return down * down + right * right;
  }
  ImageView<float> view(float* data) const { return {data, count, height, width, channels}; }
  std::string text() const {
    return std::to_string(count) + " images of " + std::to_string(height) + " x " + std::to_string(width) + " x " +
           std::to_string(channels);
  }
};

Grids random_grids(std::mt19937_64& source, Grids grids, float spread) {
  grids.phi = random_normals(source, grids.size(), spread);
  grids.log_mass = random_normals(source, grids.size(), 2);
  for (float& mass : grids.log_mass)
    if (source() % 5 == 0) mass = -kInfinity;
  return grids;
}

enum class Kernel { Soft, Hard, Cost };

std::vector<float> solve(Kernel kernel, const Grids& grids, GridTransform rule, std::vector<float> before = {}) {
  before.resize(static_cast<size_t>(grids.size()), -777);
  std::vector<float> result;
  with_stream([&](auto& stream) {
    const OnStream phi(stream, grids.phi), log_mass(stream, grids.log_mass), out(stream, before);
    const ImageView<const float> potential = grids.view(phi.data()), masses = grids.view(log_mass.data());
    const ImageView<float> to = grids.view(out.data());
    if (kernel == Kernel::Soft) grid_soft_c_transform(stream, rule, potential, masses, to);
    if (kernel == Kernel::Hard) grid_c_transform(stream, potential, masses, to);
    if (kernel == Kernel::Cost) grid_transport_cost(stream, rule.epsilon, potential, masses, to);
    result = out.host();
  });
  return result;
}

/// What the three kernels give at a pixel, in double, and what rounding is in proportion to: the sizes of potentials,
/// costs and epsilon where the sum has its terms.
struct Expected {
  double soft, hard, cost, size;
};

Expected reference(const Grids& grids, double epsilon, int64_t image, int64_t j, int64_t channel) {
  double largest = -kInfinity, hard = kInfinity;
  const auto exponent = [&](int64_t i) {
    const size_t at = grids.index(image, i, channel);
    return (grids.phi[at] - grids.cost(i, j)) / epsilon + grids.log_mass[at];
  };
  for (int64_t i = 0; i < grids.pixels(); ++i) {
    const size_t at = grids.index(image, i, channel);
    largest = std::max(largest, exponent(i));
    if (grids.log_mass[at] > -kInfinity) hard = std::min(hard, grids.cost(i, j) - grids.phi[at]);
  }
  double sum = 0, cost = 0, size = 0;
  for (int64_t i = 0; i < grids.pixels(); ++i) {
    const double term = std::exp(exponent(i) - largest);
    if (term == 0) continue;
    sum += term;
    cost += term * grids.cost(i, j);
    size += term * (std::abs(double{grids.phi[grids.index(image, i, channel)]}) + grids.cost(i, j));
  }
  return {-epsilon * (largest + std::log(sum)), hard, cost / sum, size / sum + epsilon};
}

/// Exponents are rounded by 6e-8 of their size a few times, and sums of floats by some 1e-6. Beside potentials and
/// costs the exponents have slopes within a block, of up to 2 x 8 x 7 squared pixels.
constexpr double kTolerance = 2e-6, kSlopeTolerance = 2e-5;

void check_against_reference(const Grids& grids, float epsilon) {
  INFO("epsilon " << epsilon << ", " << grids.text());
  const std::vector<float> soft = solve(Kernel::Soft, grids, {epsilon}), hard = solve(Kernel::Hard, grids, {epsilon});
  const std::vector<float> cost = solve(Kernel::Cost, grids, {epsilon});
  for (int64_t image = 0; image < grids.count; ++image)
    for (int64_t j = 0; j < grids.pixels(); ++j)
      for (int64_t channel = 0; channel < grids.channels; ++channel) {
        const Expected expected = reference(grids, epsilon, image, j, channel);
        const size_t at = grids.index(image, j, channel);
        if (expected.hard == kInfinity) {  // no pixel has mass
          REQUIRE((soft[at] == kInfinity && hard[at] == kInfinity));
          continue;
        }
        const double margin = kTolerance * expected.size + kSlopeTolerance;
        REQUIRE(soft[at] == Approx(expected.soft).epsilon(0).margin(margin));
        REQUIRE(hard[at] == Approx(expected.hard).epsilon(1e-6).margin(1e-5));
        // A weight is off by its exponent's rounding, relative to itself.
        const double weights = std::min(2.0, 2 * margin / epsilon);
        REQUIRE(cost[at] == Approx(expected.cost).epsilon(1e-5).margin(weights * expected.size));
      }
}

}  // namespace

TEST_CASE("grid_soft_c_transform is the log-sum-exp over all pixels", "[grid]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Grids& shape : {Grids{1, 1, 1, 1},
                             {3, 1, 5, 1},
                             {2, 7, 1, 3},
                             {2, 8, 8, 1},
                             {1, 13, 9, 2},
                             {3, 5, 17, 3},
                             {1, 16, 33, 1},
                             {1, 2, 256, 1}})
    // Each of the block sizes that a scale allows: 8, 4, 2 and 1.
    for (const float epsilon : {30.0f, 1.0f, 0.2f, 0.05f, 0.01f})
      check_against_reference(random_grids(source, shape, 3 * epsilon + 1), epsilon);
}

TEST_CASE("grid_soft_c_transform holds for potentials that spread over 10,000 epsilon", "[grid]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const float epsilon : {1.0f, 0.25f, 0.05f, 1e-3f}) {
    check_against_reference(random_grids(source, {2, 15, 18, 1}, 1e4f * epsilon), epsilon);
    // A slope that moves everything far, as potentials of transport do: the terms that count are those of other blocks.
    Grids sloped = random_grids(source, {1, 20, 20, 1}, epsilon);
    for (int64_t i = 0; i < sloped.pixels(); ++i)
      sloped.phi[static_cast<size_t>(i)] += 20 * static_cast<float>(i % 20) - 14 * static_cast<float>(i / 20);
    check_against_reference(sloped, epsilon);
  }
}

TEST_CASE("grid_soft_c_transform goes further as relaxation says, but not far", "[grid]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Grids grids = random_grids(source, {2, 6, 7, 3}, 2);
  const std::vector<float> before = random_normals(source, grids.size());
  const std::vector<float> whole = solve(Kernel::Soft, grids, {0.5f}, before);
  for (const float relaxation : {1.3f, 1.9f}) {
    const std::vector<float> further = solve(Kernel::Soft, grids, {0.5f, relaxation}, before);
    for (size_t i = 0; i < whole.size(); ++i) {
      const float way = std::clamp(whole[i] - before[i], -0.5f, 0.5f);
      CHECK(further[i] == Approx(whole[i] + (relaxation - 1) * way).margin(1e-5));
    }
  }
}

TEST_CASE("on grids pixels without mass drop, infinite potentials decide, and NaN propagates", "[grid]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const float epsilon : {1.0f, 0.1f}) {
    Grids grids = random_grids(source, {1, 12, 19, 2}, 2);
    const auto is_all = [&](int64_t channel, const std::function<bool(float)>& holds) {
      INFO("epsilon " << epsilon << ", channel " << channel << ", potential " << grids.phi[grids.index(0, 100, 0)]);
      for (const Kernel kernel : {Kernel::Soft, Kernel::Hard}) {
        const std::vector<float> values = solve(kernel, grids, {epsilon});
        for (int64_t j = 0; j < grids.pixels(); ++j) REQUIRE(holds(values[grids.index(0, j, channel)]));
      }
    };
    const auto finite = [](float value) { return std::isfinite(value); };
    // Channel 1 is left as it is throughout.
    for (int64_t i = 0; i < grids.pixels(); ++i) grids.log_mass[grids.index(0, i, 0)] = -kInfinity;
    is_all(0, [](float value) { return value == kInfinity; });
    is_all(1, finite);
    grids.log_mass[grids.index(0, 100, 0)] = 0;
    is_all(0, finite);
    grids.phi[grids.index(0, 100, 0)] = -kInfinity;
    is_all(0, [](float value) { return value == kInfinity; });
    grids.phi[grids.index(0, 100, 0)] = kInfinity;
    is_all(0, [](float value) { return value == -kInfinity; });
    grids.phi[grids.index(0, 100, 0)] = kNan;
    is_all(0, [](float value) { return std::isnan(value); });
    grids.phi[grids.index(0, 100, 0)] = 0;
    grids.log_mass[grids.index(0, 200, 0)] = kNan;
    is_all(0, [](float value) { return std::isnan(value); });
    is_all(1, finite);
  }
}

TEST_CASE("kernels on grids have the same bits on any number of threads", "[grid]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Grids grids = random_grids(source, {5, 9, 11, 3}, 2);
  const auto with_threads = [&](int threads) {
    CpuStream stream(threads);
    std::vector<float> out(static_cast<size_t>(grids.size()));
    grid_soft_c_transform(stream, {0.3f}, Grids(grids).view(const_cast<float*>(grids.phi.data())),
                          Grids(grids).view(const_cast<float*>(grids.log_mass.data())), grids.view(out.data()));
    return out;
  };
  const std::vector<float> one = with_threads(1);
  for (const int threads : {2, 3, 8}) CHECK(with_threads(threads) == one);
}

TEST_CASE("kernels on grids refuse what does not fit", "[grid]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(2000));
    float* const p = memory.data();
    const auto call = [&](float epsilon, ImageView<float> phi, ImageView<float> log_mass, ImageView<float> psi) {
      grid_soft_c_transform(stream, {epsilon}, phi, log_mass, psi);
    };
    CHECK_NOTHROW(call(1, {p, 0, 4, 4, 3}, {p, 0, 4, 4, 3}, {p, 0, 4, 4, 3}));
    CHECK_NOTHROW(call(1, {p, 2, 0, 4, 3}, {p, 2, 0, 4, 3}, {p, 2, 0, 4, 3}));
    CHECK_THROWS_AS(call(1, {p, 2, 4, 4, 3}, {p, 2, 4, 5, 3}, {p, 2, 4, 4, 3}), ShapeError);
    CHECK_THROWS_AS(call(1, {p, 2, 4, 4, 3}, {p, 2, 4, 4, 3}, {p, 1, 4, 4, 3}), ShapeError);
    CHECK_THROWS_WITH(call(1, {p, 1, 257, 1, 1}, {p, 1, 257, 1, 1}, {p, 1, 257, 1, 1}), Catch::Contains("256"));
    for (const float relaxation : {0.9f, 2.0f, kNan})
      CHECK_THROWS_AS(grid_soft_c_transform(stream, {1, relaxation}, ImageView<float>{p, 1, 4, 4, 3},
                                            ImageView<float>{p, 1, 4, 4, 3}, ImageView<float>{p, 1, 4, 4, 3}),
                      UsageError);
    for (const float epsilon : {0.0f, -1.0f, 1e-7f, kNan, kInfinity})
      CHECK_THROWS_AS(call(epsilon, {p, 1, 4, 4, 3}, {p, 1, 4, 4, 3}, {p, 1, 4, 4, 3}), UsageError);
  });
}
