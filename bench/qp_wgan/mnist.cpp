#include "models/mnist.h"

#include "bench/harness/experiment.h"
#include "data/idx.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/optimizer.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/objectives/qp_wgan.h"

// Paper 000, section 4.3, figure 4: a (q,p)-WGAN on MNIST or Fashion-MNIST with B = Bx and no penalties. The first
// thousands of iterations look collapsed: watch `matched`, the number of real images per batch that some generated
// image is nearest to, and `spread`, the generated pixels' standard deviation over the batch.

using namespace wasserkern;

namespace {

Tensor spread(const Tensor& images) {
  const auto count = static_cast<float>(images.shape().rows());
  const Tensor centred = images - sum_over_rows(images) / count;
  return mean(square_root(sum_over_rows(square(centred)) / count));
}

void train(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const LqCost cost = run.option(LqCost{.q = 2, .p = 2});
  const std::string dataset = flags.choice({"dataset", "", "the images to learn"}, {"mnist", "fashion-mnist"});
  const std::string pixels = flags.choice({"pixels", "", "the range they are scaled to"}, {"[-1,1]", "[0,1]"});
  const int64_t critic_steps = flags.integer({"critic-steps", "STEPS", "per iteration, all on its one batch"}, 1, 1);
  const auto rate = static_cast<float>(flags.number({"rate", "NUMBER", "Adam's step size, of both networks"}, 1e-4));
  const int64_t narrowing =
      flags.integer({.name = "width-divisor", .unit = "NUMBER", .help = "narrows the networks", .hidden = true}, 1, 1);

  const auto range = pixels == "[0,1]" ? data::PixelRange::ZeroToOne : data::PixelRange::MinusOneToOne;
  const int64_t batch = run.batch_size();
  data::Batches batches(data::load_mnist_like(run.data(dataset)), batch, run.seed(), range);
  if (batches.features() != models::kMnistPixels) throw DataError(dataset + ": its images are not 28 x 28 pixels");
  const auto critic = models::mnist_critic(run.random(), narrowing);
  const auto generator = models::mnist_generator(run.random(), narrowing);
  const losses::QpWgan objective{cost};
  Adam critic_adam(critic.parameters(), {.rate = rate, .beta1 = 0.5f});
  Adam generator_adam(generator.parameters(), {.rate = rate, .beta1 = 0.5f});
  const Tensor x = run.slot({batch, models::kMnistPixels});
  const Tensor grid_noise = run.noise({64, models::kMnistLatent});

  run.keep("critic", critic.parameters());
  run.keep("generator", generator.parameters());
  run.keep("critic_adam", critic_adam);
  run.keep("generator_adam", generator_adam);
  run.keep("batches", batches);

  run.every(run.samples_every(), [&] { run.save_grid(generator(grid_noise), {28, 28}, range); });
  run.train([&] {
    run.fill(x, batches);
    run.phase("step", [&] {
      const Tensor y = generator(run.noise({batch, models::kMnistLatent}));
      for (int64_t i = 0; i < critic_steps; ++i) {
        const auto terms = objective.critic_loss(critic, x, y);
        critic_adam.descend(grad(terms.loss, critic.parameters()));
        run.record({{"dual", terms.dual}});
      }
      const auto [distance, argmin] = objective.generator_loss(critic, x, y);
      generator_adam.descend(grad(distance, generator.parameters()));
      run.record({{"distance", distance}, {"matched", count_distinct(argmin, batch)}, {"spread", spread(y.detach())}});
    });
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
