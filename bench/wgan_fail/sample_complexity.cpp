#include <cmath>
#include <string>
#include <vector>

#include "bench/harness/certified.h"
#include "bench/harness/printed.h"
#include "bench/wgan_fail/gaussian_samples.h"
#include "bench/wgan_fail/line_fit.h"

// Paper 004, figures 8 and 9: how far two samples of the same distribution are apart in W1. It should be 0; it falls so
// slowly with their size n that no sample is large enough, which is what a critic that is right about batches learns.

using namespace wasserkern;

namespace {

constexpr LqCost kEuclidean{.q = 2, .p = 1};

// Where the line of figure 9 is drawn and saved: log10 n, from the first size on.
constexpr double kLastExponent = 50;
constexpr int64_t kPlaces = 100;

/// log10 of n, of the line's W1, and of its band's lower and upper end.
void save_line(bench::Experiment& run, const bench::LineFit& line, double first) {
  std::vector<float> values;
  for (int64_t i = 0; i < kPlaces; ++i) {
    const double x = first + (kLastExponent - first) * static_cast<double>(i) / (kPlaces - 1);
    for (const double value : {x, line.at(x), line.at(x) - line.margin(x), line.at(x) + line.margin(x)})
      values.push_back(static_cast<float>(value));
  }
  run.save_points("line", Tensor::from_host(run.device(), {kPlaces, 4}, values));
}

void compare(bench::Experiment& run) {
  const bench::GaussianSamples samples = bench::gaussian_samples_flags(run);
  const auto distances = bench::measure_samples(run, samples, "w1", [](const Tensor& x, const Tensor& y) {
    return bench::certified_cost(losses::exact_transport(kEuclidean, {x, {}}, {y, {}}));
  });

  bench::ResultTable table{.title = "paper 004, figures 8 and 9: W1 of two samples, " + bench::described(run, samples),
                           .header = {"quantity", "ours", "deviation", "paper", "what differs"},
                           .rows = {}};
  std::vector<double> x, y;
  for (const bench::SampleDistances& one : distances) {
    table.rows.push_back({"W1, n = " + std::to_string(one.size), bench::printed("%.4g", one.mean),
                          bench::printed("%.2g", one.deviation), "a curve", ""});
    x.push_back(std::log10(static_cast<double>(one.size)));
    y.push_back(std::log10(one.mean));
  }
  if (x.size() >= bench::LineFit::kLeast) {
    const bench::LineFit line(x, y);
    save_line(run, line, x.front());
    table.rows.push_back({"slope of log W1 over log n", bench::printed("%.4g", line.slope()),
                          "95 %: +-" + bench::printed("%.2g", line.slope_margin()),
                          bench::printed("%.4g", -1 / static_cast<double>(samples.dimension)), "as n grows"});
    for (const auto& [target, published] : {std::pair(0.1, "more than 1e20"), std::pair(0.01, "more than 1e40")}) {
      const auto [at, low, high] = line.where(std::log10(target));
      table.rows.push_back({"n for W1 = " + bench::printed("%.4g", target), "1e" + bench::printed("%.1f", at),
                            "95 %: 1e" + bench::printed("%.1f", low) + " to 1e" + bench::printed("%.1f", high),
                            samples.dimension == 20 ? published : "", "fitted to the means above"});
    }
  }
  run.results(table);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_experiment(bench::about_samples("wgan_fail/sample_complexity",
                                                    "exact W1 between two samples of the same distribution, by size"),
                               argc, argv, compare);
}
