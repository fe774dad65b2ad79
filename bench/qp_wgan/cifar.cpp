#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/qp_wgan/game.h"
#include "bench/qp_wgan/image_measures.h"
#include "data/cifar10.h"
#include "engine/exponential_average.h"
#include "kernels/error.h"
#include "models/dcgan.h"

// Paper 000, section 5.2, table 1 and figure 5: (q,p)-WGANs, WGAN and WGAN-GP with convolutional networks on colour
// images. The paper stops every model after 50,000 steps of the critic: with --critic-steps 5 these are 10,000
// iterations. Its scores need a network that judges images; --save-images writes what such a program reads.
//
// Watch `spread`, the generated pixels' standard deviation over the batch: near 0 all images are the same.

using namespace wasserkern;

namespace {

const bench::ImageShape kImage{32, 32, 3};

/// Images that each depend on their own noise alone, by the running statistics, drawn a few at a time.
Tensor draw(const models::Network& generator, const Tensor& noise) {
  constexpr int64_t kAtOnce = 100;
  const int64_t count = noise.shape().rows();
  std::vector<float> values;
  for (int64_t from = 0; from < count; from += kAtOnce) {
    const Tensor some = noise.viewed_rows(from, std::min(from + kAtOnce, count));
    const std::vector<float> images = generator(some, models::Mode::Evaluation).to_host();
    values.insert(values.end(), images.begin(), images.end());
  }
  return Tensor::from_host(noise.device(), Shape{kImage.height, kImage.width, kImage.channels}.batch_of(count), values);
}

/// A generator that follows another, with its running statistics.
struct AveragedGenerator {
  models::Network network;
  ExponentialAverage parameters, statistics;

  AveragedGenerator(const models::Network& generator, models::Network average, float decay)
      : network(std::move(average)),
        parameters(generator.parameters(), network.parameters(), decay),
        statistics(generator.statistics(), network.statistics(), decay) {}

  void update() {
    parameters.update();
    statistics.update();
  }
  void visit(Checkpoint& checkpoint, const std::string& name) {
    parameters.visit(checkpoint, name);
    statistics.visit(checkpoint, name + "_statistics");
  }
};

void train(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const bench::GameSettings settings = bench::game_flags(
      run, {.cost = LqCost{1, 1}, .search_space = losses::SearchSpace::Both, .lambda1 = 0.1f, .lambda2 = 10}, 10);
  models::Dcgan32 sizes;
  sizes.width = flags.integer({"width", "CHANNELS", "of the networks at 16 x 16 pixels"}, sizes.width, 1);
  const auto decay = static_cast<float>(flags.number(
      {"average", "DECAY", "samples are drawn from the generator's moving average too, of this decay; 0: not"}, 0));
  const int64_t saved = flags.integer(
      {"save-images", "COUNT", "generated images that are written at the end, as an array of NumPy's"}, 0, 0);

  if (!(decay >= 0 && decay < 1)) throw UsageError("--average must be 0 or more, and below 1");

  const auto range = data::PixelRange::MinusOneToOne;
  bench::Game game{
      .critic = models::dcgan32_critic(run.random(), sizes),
      .generator = models::dcgan32_generator(run.random(), sizes),
      .batches = data::Batches(data::load_cifar10(run.data("cifar-10")), run.batch_size(), run.seed(), range),
      .x = run.slot({run.batch_size(), kImage.height, kImage.width, kImage.channels}),
      .latent = sizes.latent};
  std::optional<AveragedGenerator> average;
  if (decay > 0) {
    average.emplace(game.generator, models::dcgan32_generator(run.random(), sizes), decay);
    run.keep("average", *average);
  }
  const Tensor grid_noise = run.noise({64, sizes.latent}), saved_noise = run.noise({saved, sizes.latent});

  run.every(run.samples_every(), [&] {
    run.save_grid(draw(game.generator, grid_noise), kImage, range);
    if (average) run.save_grid(draw(average->network, grid_noise), kImage, range, "average");
  });
  run.every(run.iterations(), [&] {
    if (saved > 0) run.save_points("images", draw(average ? average->network : game.generator, saved_noise));
  });
  bench::train_game(run, game, settings, {.generated = [&](const Tensor& y) {
                      if (average) average->update();
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
