#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "bench/kernels/measure.h"
#include "bench/kernels/random_values.h"
#include "bench/kernels/registration.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "kernels/soft_minimum.h"
#include "losses/transport/sinkhorn.h"

namespace wasserkern::bench {
namespace {

/// Costs per second, of which each takes an exponential.
void run_minimum(benchmark::State& state, Device& device, int64_t problems, int64_t side, bool transposed) {
  const int64_t rows = problems * side;
  const Array<float> costs(device, random_values(rows * side)), phi(device, random_values(rows)), out(device, rows);
  const double pairs = static_cast<double>(rows) * static_cast<double>(side);
  measure(state, device, "pairs/s", pairs, {{"share_of_exponentials", exponential_limit(device)}}, [=](auto& stream) {
    soft_minimum(stream, 0.1f, problems, {{costs.data(), rows, side}, transposed}, phi.vector(), out.vector());
  });
}

/// The numbers of Knuth's MMIX generator in [0, 1); tools/peers has the same.
class Sequence {
 public:
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 40) * 0x1p-24;
  }

 private:
  uint64_t state_ = 1;
};

constexpr int64_t kPoints = 1000, kSide = 32, kPixels = 3 * kSide * kSide, kWaves = 64;

/// Colour images of random waves, weaker as they are finer, which is what natural images are like to a cost.
std::vector<float> image_points(Sequence& sequence) {
  std::vector<double> waves;
  for (int64_t wave = 0; wave < kWaves; ++wave)
    for (int64_t pixel = 0; pixel < kPixels; ++pixel) {
      const int64_t x = pixel % kSide, y = pixel / kSide % kSide, down = wave / 8, right = wave % 8;
      waves.push_back(std::cos(std::numbers::pi * (right * (x + 0.5) + down * (y + 0.5)) / kSide) /
                      (1.0 + static_cast<double>(right + down)));
    }
  std::vector<float> points;
  for (int64_t point = 0; point < kPoints; ++point) {
    std::vector<double> image(kPixels, 0.5);
    for (int64_t wave = 0; wave < kWaves; ++wave) {
      const double size = 0.5 * (sequence.next() - 0.5);
      for (int64_t pixel = 0; pixel < kPixels; ++pixel)
        image[static_cast<size_t>(pixel)] += size * waves[static_cast<size_t>(wave * kPixels + pixel)];
    }
    points.insert(points.end(), image.begin(), image.end());
  }
  return points;
}

/// From the costs to the potentials at an epsilon of 0.01 mean costs, epsilon's fall counted in. The tolerance is for
/// the sum of the marginals' absolute errors, which their Euclidean norm is below.
void run_sinkhorn(benchmark::State& state, Device& device) {
  const LqCost cost{2, 2};
  Sequence sequence;
  const auto points = [&] { return Tensor::from_host(device, {kPoints, kPixels}, image_points(sequence)); };
  const Tensor x = points(), y = points(), costs = pairwise_cost(cost, x, y);
  const losses::SinkhornRule rule{.epsilon = 0.01f * mean(costs).item(), .tolerance = 1e-6f};
  losses::EntropicTransport transport;
  std::vector<Limit> limits;
  seconds_per_iteration(state, device, 1, limits, [&] { transport = losses::sinkhorn(costs, rule); });
  state.counters["iterations"] = static_cast<double>(transport.iterations);
  state.counters["marginal_error"] = transport.marginal_error;
}

const Registration kRegistration([](Device& device) {
  for (const bool transposed : {false, true})
    for (const auto& [problems, side] : {std::pair<int64_t, int64_t>{1, 1000}, {1000, 64}})
      add_benchmark("soft_minimum" + std::string(transposed ? "_of_rows" : "") + "/" + std::to_string(problems) + "x" +
                        std::to_string(side) + "x" + std::to_string(side),
                    [=, &device](benchmark::State& state) { run_minimum(state, device, problems, side, transposed); });
  add_benchmark("sinkhorn/1000x1000/images", [&device](benchmark::State& state) { run_sinkhorn(state, device); });
});

}  // namespace
}  // namespace wasserkern::bench
