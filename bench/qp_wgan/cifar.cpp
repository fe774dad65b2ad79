#include "bench/games/image_measures.h"
#include "bench/games/image_samples.h"
#include "bench/qp_wgan/game.h"
#include "data/cifar10.h"
#include "models/dcgan.h"

// Paper 000, section 5.2, table 1 and figure 5: (q,p)-WGANs, WGAN and WGAN-GP with convolutional networks on colour
// images. The paper stops every model after 50,000 steps of the critic: with --critic-steps 5 these are 10,000
// iterations. Its scores need a network that judges images; --save-images writes what such a program reads.
//
// Watch `spread`, the generated pixels' standard deviation over the batch: near 0 all images are the same.

using namespace wasserkern;

namespace {

const bench::ImageShape kImage{32, 32, 3};

void train(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const bench::GameSettings settings = bench::game_flags(
      run, {.cost = LqCost{1, 1}, .search_space = losses::SearchSpace::Both, .lambda1 = 0.1f, .lambda2 = 10}, 10);
  models::Dcgan32 sizes;
  sizes.width = flags.integer({"width", "CHANNELS", "of the networks at 16 x 16 pixels"}, sizes.width, 1);
  const bench::SampleSettings sampled = bench::sample_flags(flags);

  const auto range = data::PixelRange::MinusOneToOne;
  bench::Game game{
      .critic = models::dcgan32_critic(run.random(), sizes),
      .generator = models::dcgan32_generator(run.random(), sizes),
      .batches = data::Batches(data::load_cifar10(run.data("cifar-10")), run.batch_size(), run.seed(), range),
      .x = run.slot({run.batch_size(), kImage.height, kImage.width, kImage.channels}),
      .latent = sizes.latent};
  bench::ImageSamples samples(run, game, sampled, kImage, range,
                              [&] { return models::dcgan32_generator(run.random(), sizes); });
  bench::train_game(run, game, settings, {.generated = [&](const Tensor& y) {
                      samples.follow();
                      run.record({{"spread", bench::spread(y)}});
                    }});
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "qp_wgan/cifar",
                           .summary = "(q,p)-WGAN, WGAN and WGAN-GP on the colour images of CIFAR-10",
                           .iterations = 50'000,
                           .batch = 64};
  return bench::run_experiment(about, argc, argv, train);
}
