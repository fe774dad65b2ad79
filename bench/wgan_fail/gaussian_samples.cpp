#include "bench/wgan_fail/gaussian_samples.h"

#include <algorithm>
#include <iterator>

#include "bench/harness/statistics.h"
#include "engine/random.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

// The paper's text has 10, 25, 50, 75, 1000 and 10000; its curves have more points.
constexpr int64_t kSizes[] = {10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 10'000};

std::string column_of(const std::string& name, int64_t size) { return name + "_" + std::to_string(size); }

}  // namespace

About about_samples(const std::string& name, const std::string& summary) {
  return {.name = name,
          .summary = summary,
          .iterations = 100,
          .batch = 10'000,
          .iteration = "pairs of samples of every size",
          .batch_counts = "points of the largest samples"};
}

GaussianSamples gaussian_samples_flags(Experiment& run) {
  if (run.batch_size() < kSizes[0])
    throw UsageError("--batch " + std::to_string(run.batch_size()) + ": the smallest samples have " +
                     std::to_string(kSizes[0]) + " points; give at least as many");
  GaussianSamples samples;
  std::ranges::copy_if(kSizes, std::back_inserter(samples.sizes), [&](int64_t n) { return n <= run.batch_size(); });
  samples.dimension = run.flags().integer({"dimension", "COUNT", "coordinates of a point"}, 20, 1);
  return samples;
}

std::vector<SampleDistances> measure_samples(Experiment& run, const GaussianSamples& samples, const std::string& name,
                                             const std::function<double(const Tensor& x, const Tensor& y)>& distance) {
  Random random(run.device(), run.seed());
  run.train([&] {
    random.begin_step(run.step());
    for (const int64_t size : samples.sizes) {
      const Tensor x = random.normal({size, samples.dimension}), y = random.normal({size, samples.dimension});
      run.measure({{column_of(name, size), distance(x, y)}});
    }
  });

  std::vector<SampleDistances> all;
  for (const int64_t size : samples.sizes) {
    std::vector<float> values;
    for (const auto& [step, value] : run.measured(column_of(name, size))) values.push_back(static_cast<float>(value));
    all.push_back({size, mean(values), standard_deviation(values)});
  }
  return all;
}

std::string described(const Experiment& run, const GaussianSamples& samples) {
  return "N(0, I) in " + std::to_string(samples.dimension) + " dimensions, " + std::to_string(run.step()) + " pairs";
}

}  // namespace wasserkern::bench
