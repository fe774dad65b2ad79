#include "bench/games/image_measures.h"
#include "bench/harness/experiment.h"
#include "data/idx.h"
#include "engine/optimizer.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/qp_wgan.h"
#include "losses/objectives/transport_map.h"
#include "models/mnist.h"

// Paper 000, section 5.3, figure 6: no generator. A critic learns the potential phi of optimal transport from noise in
// the space of images to MNIST, and the noise is taken along its gradient. The objective is that of a (q,p)-WGAN with
// the noise in the place of the images: it is the batch that carries phi, and over which the c-transform minimises.
//
// The paper does not say which noise. The potential has to take it out of the images again, by |x|^2 / 2 in phi: with
// values of N(0,1) it has not learnt to after 100,000 iterations, with a tenth of that there is little to take out.
//
// Watch `dual`, and `cost`, the mean c(x, T(x)): they are the same for the potential of an optimal transport. `shift`
// is the mean |x - T(x)|_q, for p = q = 2 the potential's mean |grad phi|; `matched_noise` the number of noise images
// per batch that some image is matched to.

using namespace wasserkern;

namespace {

constexpr uint64_t kMeasureEvery = 20;

/// The measure that is transported to the images.
struct Source {
  std::string kind;
  float scale;

  Tensor draw(bench::Experiment& run, int64_t count) const {
    const Shape shape{count, models::kMnistPixels};
    if (kind == "normal") return run.noise(shape) * scale;
    return affine(run.random().uniform(shape), 2 * scale, -scale);
  }
};

void train(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const LqCost cost = run.option(LqCost{.q = 2, .p = 2});
  const std::string dataset = flags.choice({"dataset", "", "the images to learn"}, {"mnist", "fashion-mnist"});
  const std::string pixels = flags.choice({"pixels", "", "the range they are scaled to"}, {"[-1,1]", "[0,1]"});
  const Source source{
      .kind = flags.choice({"source", "", "the distribution of the noise's values, N(0,1) or U(-1,1)"},
                           {"normal", "uniform"}),
      .scale = static_cast<float>(flags.number({"source-scale", "NUMBER", "what the noise is multiplied with"}, 0.1))};
  const int64_t source_batch =
      flags.integer({"source-batch", "COUNT", "noise images per batch; 0: as many as images"}, 0, 0);
  const double rate = flags.number({"rate", "NUMBER", "Adam's step size"}, 1e-4);
  const int64_t neighbours = flags.integer(
      {"nearest", "COUNT", "transported images whose nearest training image is looked for at the end"}, 5000, 0);
  const int64_t narrowing =
      flags.integer({.name = "width-divisor", .unit = "NUMBER", .help = "narrows the critic", .hidden = true}, 1, 1);
  if (!(cost.q > 1 && cost.p > 1))
    throw UsageError("--q and --p must be above 1: else a potential's gradient does not say where its points go");
  if (!(source.scale > 0)) throw UsageError("--source-scale must be positive");

  const auto range = pixels == "[0,1]" ? data::PixelRange::ZeroToOne : data::PixelRange::MinusOneToOne;
  const int64_t noises = source_batch > 0 ? source_batch : run.batch_size();
  data::Images images = data::load_mnist_like(run.data(dataset));
  if (images.features() != models::kMnistPixels) throw DataError(dataset + ": its images are not 28 x 28 pixels");
  data::Batches batches(images, run.batch_size(), run.seed(), range);
  const auto critic = models::mnist_critic(run.random(), narrowing, 0);
  Adam adam(critic.parameters(), {.rate = static_cast<float>(rate), .beta1 = 0.5f});
  const Tensor y = run.slot({run.batch_size(), models::kMnistPixels});
  const Tensor grid_noise = source.draw(run, 64);
  const Tensor measured_noise = source.draw(run, neighbours);

  run.keep("critic", critic.parameters());
  run.keep("critic_adam", adam);
  run.keep("batches", batches);

  const auto transported = [&](const Tensor& noise) { return losses::transport_map(cost, critic, noise); };
  run.every(run.samples_every(), [&] { run.save_grid(transported(grid_noise), {28, 28}, range); });
  run.every(run.iterations(), [&] {
    if (neighbours == 0) return;
    run.save_points("nearest", bench::nearest_distances(images, range, transported(measured_noise)));
  });
  const losses::QpWgan objective{.cost = cost};
  run.train([&] {
    run.fill(y, batches);
    run.phase("step", [&] {
      const auto terms = objective.critic_loss(critic, source.draw(run, noises), y);
      adam.descend(grad(terms.loss, critic.parameters()));
      run.record({{"dual", terms.dual}, {"matched_noise", count_distinct(terms.argmin, noises)}});
    });
    if (run.step() % kMeasureEvery != 0) return;
    run.phase("measure", [&] {
      const Tensor x = source.draw(run, run.batch_size());
      const Tensor moved = transported(x);
      run.record({{"cost", mean(paired_cost(cost, x, moved))},
                  {"shift", mean(paired_cost(LqCost{.q = cost.q, .p = 1}, x, moved))},
                  {"spread", bench::spread(moved)}});
    });
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "qp_wgan/potential_generator",
                           .summary = "a potential of optimal transport from noise to grey images as their generator",
                           .iterations = 100'000,
                           .batch = 64};
  return bench::run_experiment(about, argc, argv, train);
}
