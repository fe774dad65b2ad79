#include <limits>
#include <string>
#include <vector>

#include "bench/harness/experiment.h"
#include "bench/harness/printed.h"
#include "bench/harness/result_table.h"
#include "bench/harness/statistics.h"
#include "bench/wgan_fail/image_set.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "losses/transport/quantisation.h"

// Paper 004, figure 12, its right half: centroids of geometric k-medians clustering of images, which are blurred as the
// samples of a WGAN are that is trained with the c-transform. An iteration is one start, by k-means from a k-means++
// start; the best of all is kept. `loss` is the mean distance of an image to its centroid, in pixels of [-1,1], of
// geometric k-medians; `means_loss` the mean squared distance of the k-means it starts from.

using namespace wasserkern;

namespace {

/// The best so far.
struct Best {
  Tensor centroids;
  Array<double> loss;

  Best(Device& device, const Shape& shape)
      : centroids(Tensor::full(device, shape, 0)),
        loss(device, std::vector<double>{std::numeric_limits<double>::infinity()}) {}

  void visit(Checkpoint& checkpoint, const std::string& name) {
    checkpoint.visit(name + ".centroids", centroids);
    checkpoint.visit(name + ".loss", loss);
  }
  void offer(const losses::Quantiser& quantiser, const losses::Clustering& clustering) {
    if (!(clustering.loss < loss.to_host()[0])) return;
    loss = Array<double>(loss.device(), std::vector<double>{clustering.loss});
    centroids.overwrite(quantiser.projection(clustering).points);
  }
};

void cluster(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const bench::ImageSetFlags set_flags(flags, {"celeba", "cifar-10", "mnist", "fashion-mnist"});
  const int64_t k = flags.integer({"clusters", "COUNT", "centroids"}, 64, 1);

  const bench::ImageSet set = set_flags.load(run);
  const Tensor points = set.on(run.device());
  const losses::Quantiser quantiser(points);
  Best best(run.device(), set.shape().batch_of(k));
  run.keep("best", best);

  run.every(run.samples_every(), [&] {
    run.save_grid(best.centroids, set.image_shape(), set.kRange);
    run.save_points("centroids", best.centroids);
  });
  run.train([&] {
    const losses::Clustering means = quantiser.k_means(k, run.seed(), run.step());
    const losses::Clustering medians = quantiser.k_medians(means);
    best.offer(quantiser, medians);
    run.measure({{"loss", medians.loss},
                 {"best", best.loss.to_host()[0]},
                 {"means_loss", means.loss},
                 {"means_rounds", static_cast<double>(means.rounds)},
                 {"rounds", static_cast<double>(medians.rounds)}});
  });

  std::vector<float> losses;
  for (const auto& [step, loss] : run.measured("loss")) losses.push_back(static_cast<float>(loss));
  const Minimum nearest = min_over(LqCost{.q = 2, .p = 1}, best.centroids, Tensor::full(run.device(), {k}, 0), points);
  run.results(
      {.title = "paper 004, figure 12: geometric k-medians of " + std::to_string(set.count()) + " images of " +
                set.dataset + ", k = " + std::to_string(k),
       .header = {"starts", "best", "mean", "deviation", "best, from its centroids"},
       .rows = {{std::to_string(losses.size()), bench::printed("%.4g", best.loss.to_host()[0]),
                 bench::printed("%.4g", bench::mean(losses)), bench::printed("%.2g", bench::standard_deviation(losses)),
                 bench::printed("%.4g", mean(nearest.value).item())}}});
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wgan_fail/k_medians",
                           .summary = "centroids of geometric k-medians clustering of images",
                           .iterations = 100,
                           .batch = 0,
                           .samples_every = 100,
                           .iteration = "starts"};
  return bench::run_experiment(about, argc, argv, cluster);
}
