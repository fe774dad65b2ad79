#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/experiment.h"
#include "bench/harness/printed.h"
#include "bench/harness/result_table.h"
#include "bench/wgan_fail/alterations.h"
#include "bench/wgan_fail/image_set.h"
#include "engine/ops/transport.h"
#include "kernels/error.h"

// Paper 004, figure 16: images to which another image is nearer in L2 than a copy that is slightly changed. An
// iteration is a reference image, of the data set in the seed's order. `nearest` is the L2 distance to its nearest
// other image of the data set, pixels in [-1,1]; `crop` (a tenth cut off at the left and at the top, the rest
// enlarged), `rotation` (by 10 degrees), `flip` and `darkness` (half as bright) those to its changed copies.

using namespace wasserkern;

namespace {

constexpr LqCost kEuclidean{.q = 2, .p = 1};

const std::vector<std::string> kAlterations{"crop", "rotation", "flip", "darkness"};

/// The copies, in the order of kAlterations.
std::vector<float> altered(const std::vector<float>& image, const bench::ImageShape& shape) {
  std::vector<float> copies;
  for (const std::vector<float>& copy : {bench::cropped(image, shape, 0.1), bench::rotated(image, shape, 10),
                                         bench::flipped(image, shape), bench::darkened(image, 0.5)})
    copies.insert(copies.end(), copy.begin(), copy.end());
  return copies;
}

void look(bench::Experiment& run) {
  const bench::ImageSetFlags flags(run.flags(), {"celeba", "cifar-10"});
  const bench::ImageSet set = flags.load(run);
  if (run.iterations() > set.count())
    throw UsageError("--iterations " + std::to_string(run.iterations()) + ": every reference is one of the " +
                     std::to_string(set.count()) + " images; ask for fewer, or give more --images");
  if (set.count() < 2) throw DataError(set.dataset + ": one image has no nearest other; fetch more");
  const bench::ImageShape shape = set.image_shape();
  const Tensor all = set.on(run.device());
  std::vector<float> shown;  // the reference, its copies, its nearest

  run.every(run.samples_every(), [&] {
    const auto count = static_cast<int64_t>(kAlterations.size()) + 2;
    run.save_points("perceptual", Tensor::from_host(run.device(), set.shape().batch_of(count), shown));
  });
  run.train([&] {
    const auto number = static_cast<int64_t>(run.step()) - 1;
    const Tensor reference = all.viewed_rows(number, number + 1);
    std::vector<float> distances = pairwise_cost(kEuclidean, all, reference).to_host();
    distances[static_cast<size_t>(number)] = std::numeric_limits<float>::infinity();
    const auto nearest = std::min_element(distances.begin(), distances.end()) - distances.begin();

    shown = reference.to_host();
    const std::vector<float> copies = altered(shown, shape);
    const Tensor changed =
        Tensor::from_host(run.device(), set.shape().batch_of(static_cast<int64_t>(kAlterations.size())), copies);
    const std::vector<float> away = pairwise_cost(kEuclidean, changed, reference).to_host();
    run.measure({{"nearest", double{distances[static_cast<size_t>(nearest)]}}});
    for (size_t i = 0; i < kAlterations.size(); ++i) run.measure({{kAlterations[i], double{away[i]}}});

    shown.insert(shown.end(), copies.begin(), copies.end());
    const std::vector<float> other = all.viewed_rows(nearest, nearest + 1).to_host();
    shown.insert(shown.end(), other.begin(), other.end());
  });

  const auto nearest = run.measured("nearest");
  bench::ResultTable table{
      .title = "paper 004, figure 16: L2 of " + std::to_string(nearest.size()) + " images of " + set.dataset +
               " to changed copies, and to the nearest other of " + std::to_string(set.count()),
      .header = {"change", "L2 to the copy, mean", "L2 to another, mean", "another is nearer", "paper"},
      .rows = {}};
  for (const std::string& alteration : kAlterations) {
    const auto copies = run.measured(alteration);
    double to_copy = 0, to_other = 0, nearer = 0;
    for (size_t i = 0; i < copies.size(); ++i) {
      const double share = 1 / static_cast<double>(copies.size());
      to_copy += share * copies[i].second;
      to_other += share * nearest[i].second;
      nearer += nearest[i].second < copies[i].second ? 100 * share : 0;
    }
    table.rows.push_back({alteration, bench::printed("%.2f", to_copy), bench::printed("%.2f", to_other),
                          bench::printed("%.1f %%", nearer), "examples of ImageNet"});
  }
  run.results(table);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wgan_fail/perceptual",
                           .summary = "is another image nearer in L2 than a slightly changed copy",
                           .iterations = 1000,
                           .batch = 0,
                           .samples_every = 20,
                           .iteration = "reference images"};
  return bench::run_experiment(about, argc, argv, look);
}
