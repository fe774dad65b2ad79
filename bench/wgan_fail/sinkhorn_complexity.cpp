#include <cmath>
#include <string>

#include "bench/harness/printed.h"
#include "bench/wgan_fail/gaussian_samples.h"
#include "kernels/error.h"
#include "losses/transport/sinkhorn.h"

// Paper 004, figure 13: figure 8 with the Sinkhorn divergence S_{1,epsilon} in place of W1. With a large epsilon it
// soon is close to 0. As epsilon grows it tends to half an energy distance, whose mean for two samples of n points is
// E|x - y| / n.

using namespace wasserkern;

namespace {

constexpr LqCost kEuclidean{.q = 2, .p = 1};

/// E|x - y| of two independent points of a standard normal distribution.
double mean_distance_of_points(int64_t dimension) {
  const auto half = static_cast<double>(dimension) / 2;
  return 2 * std::exp(std::lgamma(half + 0.5) - std::lgamma(half));
}

void compare(bench::Experiment& run) {
  const bench::GaussianSamples samples = bench::gaussian_samples_flags(run);
  losses::SinkhornRule rule;
  rule.epsilon =
      static_cast<float>(run.flags().number({"epsilon", "NUMBER", "of entropic transport, in units of |x - y|"}, 100));
  if (!(rule.epsilon >= 1e-3f && rule.epsilon <= 1e6f))
    throw UsageError("--epsilon must lie between 0.001 and 1000000");

  const auto distances = bench::measure_samples(run, samples, "divergence", [&](const Tensor& x, const Tensor& y) {
    const losses::SinkhornDivergence divergence = losses::sinkhorn_divergence(kEuclidean, {x, {}}, {y, {}}, rule);
    if (!divergence.converged())
      throw Error("the Sinkhorn divergence of samples of " + std::to_string(x.shape().rows()) +
                  " points has not converged and is not recorded; give a larger --epsilon");
    return divergence.value();
  });

  bench::ResultTable table{.title = "paper 004, figure 13: S_{1,epsilon} of two samples, " +
                                    bench::described(run, samples) + ", epsilon " +
                                    bench::printed("%.4g", rule.epsilon),
                           .header = {"n", "ours", "deviation", "limit for large epsilon", "paper"},
                           .rows = {}};
  const double apart = mean_distance_of_points(samples.dimension);
  for (const bench::SampleDistances& one : distances)
    table.rows.push_back({std::to_string(one.size), bench::printed("%.4g", one.mean),
                          bench::printed("%.2g", one.deviation),
                          bench::printed("%.4g", apart / static_cast<double>(one.size)),
                          one.size == 500 ? "close to 0 from here on" : "a curve"});
  run.results(table);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_experiment(
      bench::about_samples("wgan_fail/sinkhorn_complexity",
                           "Sinkhorn divergence between two samples of the same distribution, by size"),
      argc, argv, compare);
}
