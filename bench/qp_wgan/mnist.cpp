#include "models/mnist.h"

#include "bench/games/image_measures.h"
#include "bench/harness/experiment.h"
#include "bench/qp_wgan/objective_flags.h"
#include "data/idx.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/optimizer.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/qp_wgan.h"

// Paper 000, section 4.3, figure 4: a (q,p)-WGAN on MNIST or Fashion-MNIST, by default with B = Bx and no penalties.
// The first thousands of iterations look collapsed: watch `matched`, the number of images per batch that some generated
// image is matched to, and `spread`, the generated pixels' standard deviation over the batch.
//
// With q near 1 and few iterations of (2,2) before, it stays collapsed: the best single image under l1 is the pixels'
// median, an empty one, and a generated image only gains ink where more than half of the real ones that it is matched
// to have some. Under squared l2 it moves to their mean, which any difference between matches changes. After --warm-up
// different noise is matched to different kinds of images, whose medians are digits. Where the cost is of another size
// then, as with p = 2, the potential has to follow at once, or all images are matched to the nearest:
// --potential-scale.

using namespace wasserkern;

namespace {

void train(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const losses::QpWgan objective = bench::qp_wgan_flags(run, {.cost = LqCost{.q = 2, .p = 2}});
  const std::string dataset = flags.choice({"dataset", "", "the images to learn"}, {"mnist", "fashion-mnist"});
  const std::string pixels = flags.choice({"pixels", "", "the range they are scaled to"}, {"[-1,1]", "[0,1]"});
  const int64_t critic_steps = flags.integer({"critic-steps", "STEPS", "per iteration, all on its one batch"}, 1, 1);
  const int64_t warm_up =
      flags.integer({"warm-up", "STEPS", "iterations with q = p = 2 before the cost that is asked for"}, 0, 0);
  const auto potential_scale = static_cast<float>(flags.number(
      {"potential-scale", "NUMBER", "after the warm-up the potential is this many times the critic's output"}, 1));
  const double rate = flags.number({"rate", "NUMBER", "Adam's step size, of both networks"}, 1e-4);
  const double critic_rate = flags.number({"critic-rate", "NUMBER", "the critic's, if it has its own"}, rate);
  const double dropout = flags.number({"dropout", "SHARE", "of the critic's units"}, models::kMnistDropout);
  const int64_t neighbours = flags.integer(
      {"nearest", "COUNT", "generated images whose nearest training image is looked for at the end"}, 5000, 0);
  const int64_t narrowing =
      flags.integer({.name = "width-divisor", .unit = "NUMBER", .help = "narrows the networks", .hidden = true}, 1, 1);

  const auto range = pixels == "[0,1]" ? data::PixelRange::ZeroToOne : data::PixelRange::MinusOneToOne;
  const int64_t batch = run.batch_size();
  data::Images images = data::load_mnist_like(run.data(dataset));
  if (images.features() != models::kMnistPixels) throw DataError(dataset + ": its images are not 28 x 28 pixels");
  data::Batches batches(images, batch, run.seed(), range);
  const auto critic = models::mnist_critic(run.random(), narrowing, static_cast<float>(dropout));
  const auto generator = models::mnist_generator(run.random(), narrowing);
  Adam critic_adam(critic.parameters(), {.rate = static_cast<float>(critic_rate), .beta1 = 0.5f});
  Adam generator_adam(generator.parameters(), {.rate = static_cast<float>(rate), .beta1 = 0.5f});
  const Tensor x = run.slot({batch, models::kMnistPixels});
  const Tensor grid_noise = run.noise({64, models::kMnistLatent});
  const Tensor measured_noise = run.noise({neighbours, models::kMnistLatent});

  run.keep("critic", critic.parameters());
  run.keep("generator", generator.parameters());
  run.keep("critic_adam", critic_adam);
  run.keep("generator_adam", generator_adam);
  run.keep("batches", batches);

  run.every(run.samples_every(), [&] { run.save_grid(generator(grid_noise), {28, 28}, range); });
  run.every(run.iterations(), [&] {
    if (neighbours == 0) return;
    run.save_points("nearest", bench::nearest_distances(images, range, generator(measured_noise)));
  });
  const losses::Critic scaled_critic = [&](const Tensor& at) { return critic(at) * potential_scale; };
  const auto step = [&](const losses::QpWgan& chosen, const losses::Critic& potential) {
    const Tensor y = generator(run.noise({batch, models::kMnistLatent}));
    for (int64_t i = 0; i < critic_steps; ++i) {
      const auto terms = chosen.critic_loss(potential, x, y);
      critic_adam.descend(grad(terms.loss, critic.parameters()));
      run.record({{"dual", terms.dual}});
    }
    const auto [distance, argmin] = chosen.generator_loss(potential, x, y);
    generator_adam.descend(grad(distance, generator.parameters()));
    const Tensor matched = count_distinct(argmin, 2 * batch);
    run.record({{"distance", distance}, {"matched", matched}, {"spread", bench::spread(y.detach())}});
  };
  losses::QpWgan squared = objective;
  squared.cost = LqCost{.q = 2, .p = 2};
  run.train([&] {
    run.fill(x, batches);
    if (run.step() <= static_cast<uint64_t>(warm_up))
      run.phase("warm-up", [&] { step(squared, critic); });
    else
      run.phase("step", [&] { step(objective, potential_scale == 1 ? critic : scaled_critic); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "qp_wgan/mnist",
                           .summary = "(q,p)-WGAN on grey images of 28 x 28 pixels",
                           .iterations = 50'000,
                           .batch = 64};
  return bench::run_experiment(about, argc, argv, train);
}
