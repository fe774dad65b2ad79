#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/experiment.h"
#include "bench/harness/printed.h"
#include "bench/harness/statistics.h"
#include "engine/random.h"
#include "kernels/error.h"
#include "losses/transport/batched_exact.h"

// Paper 004, figure 11: a batch of standard normal points, is it nearer in W1 to another such batch, or to one of
// nothing but copies of their mean? In many dimensions to the latter: a generator that only makes the mean has the
// lower loss.

using namespace wasserkern;

namespace {

constexpr LqCost kEuclidean{.q = 2, .p = 1};

/// mean |x - centre| over the points of a batch.
double mean_distance(std::span<const float> batch, const std::vector<double>& centre) {
  double sum = 0;
  for (size_t first = 0; first < batch.size(); first += centre.size()) {
    double square = 0;
    for (size_t k = 0; k < centre.size(); ++k) square += std::pow(batch[first + k] - centre[k], 2);
    sum += std::sqrt(square);
  }
  return sum * static_cast<double>(centre.size()) / static_cast<double>(batch.size());
}

std::vector<double> mean_point(std::span<const float> batch, size_t dimension) {
  std::vector<double> centre(dimension, 0);
  for (size_t i = 0; i < batch.size(); ++i) centre[i % dimension] += batch[i];
  for (double& coordinate : centre) coordinate *= static_cast<double>(dimension) / static_cast<double>(batch.size());
  return centre;
}

/// Where a falls below b from one dimension to the next, on straight lines between them.
std::string crossing(const std::vector<std::pair<uint64_t, double>>& a,
                     const std::vector<std::pair<uint64_t, double>>& b) {
  for (size_t i = 1; i < a.size(); ++i) {
    const double before = a[i - 1].second - b[i - 1].second, after = a[i].second - b[i].second;
    if (before > 0 && after <= 0)
      return bench::printed("%.2f", static_cast<double>(a[i - 1].first) + before / (before - after));
  }
  return "none";
}

void compare(bench::Experiment& run) {
  const int64_t pairs = run.flags().integer({"pairs", "COUNT", "pairs of batches in every dimension"}, 100, 1);
  const int64_t points = run.batch_size();
  if (points > kMostAssigned)
    throw UsageError("--batch " + std::to_string(points) + ": batches have up to " + std::to_string(kMostAssigned) +
                     " points; give a smaller one");

  Random random(run.device(), run.seed());
  run.train([&] {
    random.begin_step(run.step());
    const auto dimension = static_cast<int64_t>(run.step());
    const Shape shape{pairs, points, dimension};
    const Tensor x = random.normal(shape), y = random.normal(shape);
    const std::vector<double> exact = losses::batched_exact_transport(kEuclidean, x, y).certified_values();
    const std::vector<float> to_batch(exact.begin(), exact.end()), values = x.to_host();
    std::vector<float> to_mean, to_own_mean;
    const std::vector<double> origin(static_cast<size_t>(dimension), 0);
    const auto size = static_cast<size_t>(points * dimension);
    for (size_t first = 0; first < values.size(); first += size) {
      const auto batch = std::span(values).subspan(first, size);
      to_mean.push_back(static_cast<float>(mean_distance(batch, origin)));
      to_own_mean.push_back(static_cast<float>(mean_distance(batch, mean_point(batch, origin.size()))));
    }
    run.measure({{"to_batch", bench::mean(to_batch)},
                 {"to_batch_deviation", bench::standard_deviation(to_batch)},
                 {"to_mean", bench::mean(to_mean)},
                 {"to_mean_deviation", bench::standard_deviation(to_mean)},
                 {"to_own_mean", bench::mean(to_own_mean)}});
  });

  const auto to_batch = run.measured("to_batch"), to_mean = run.measured("to_mean"),
             to_own_mean = run.measured("to_own_mean");
  bench::ResultTable table{
      .title = "paper 004, figure 11: W1 of a batch of " + std::to_string(points) +
               " standard normal points, mean of " + std::to_string(pairs) + " pairs",
      .header = {"dimension", "to another batch", "to the mean", "nearer", "paper", "to the batch's own mean"},
      .rows = {}};
  for (size_t i = 0; i < to_batch.size(); ++i) {
    const auto [dimension, distance] = to_batch[i];
    table.rows.push_back({std::to_string(dimension), bench::printed("%.4g", distance),
                          bench::printed("%.4g", to_mean[i].second), to_mean[i].second < distance ? "mean" : "batch",
                          dimension > 15 ? "mean" : "batch", bench::printed("%.4g", to_own_mean[i].second)});
  }
  table.rows.push_back({"crossing", "", crossing(to_mean, to_batch), "", "above 15", crossing(to_own_mean, to_batch)});
  run.results(table);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wgan_fail/dimension",
                           .summary = "is a batch nearer to another one or to its mean, by the number of dimensions",
                           .iterations = 30,
                           .batch = 64,
                           .iteration = "dimensions, from 1 on",
                           .batch_counts = "points per batch"};
  return bench::run_experiment(about, argc, argv, compare);
}
