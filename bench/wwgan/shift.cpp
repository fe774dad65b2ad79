#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "bench/harness/image_data.h"
#include "bench/harness/statistics.h"
#include "bench/wwgan/trained_critic.h"

// Papers 001 and 002, figure 4: what a trained critic says of an image that is shifted down a pixel at a time, until
// nothing is left of it; what comes in is black. The claim is that the critic of a WWGAN changes smoothly where that of
// a WGAN-GP jumps.
//
// Watch `variation`, the total variation of the potential over the shifts by its range, mean over the images: 1 if it
// only rises or only falls. `turns` is how often it changes direction, `first_pixel` how far the first shift moves it,
// in standard deviations over the images.

using namespace wasserkern;

namespace {

/// Images that lie one after another, all `rows` rows further down.
std::vector<float> shifted_down(std::span<const float> images, const bench::ImageShape& shape, int64_t rows) {
  constexpr float kBlack = -1;
  const auto image = static_cast<size_t>(shape.values());
  const auto gap = static_cast<size_t>(rows * shape.width * shape.channels);
  std::vector<float> shifted(images.size(), kBlack);
  for (size_t at = 0; at < images.size(); at += image)
    std::ranges::copy(images.subspan(at, image - gap), shifted.begin() + static_cast<std::ptrdiff_t>(at + gap));
  return shifted;
}

double total_variation(const std::vector<float>& curve) {
  double sum = 0;
  for (size_t i = 1; i < curve.size(); ++i) sum += std::abs(double{curve[i]} - curve[i - 1]);
  const auto [low, high] = std::ranges::minmax(curve);
  return high > low ? sum / (double{high} - low) : 1;
}

int64_t turns(const std::vector<float>& curve) {
  int64_t count = 0;
  float before = 0;
  for (size_t i = 1; i < curve.size(); ++i) {
    const float step = curve[i] - curve[i - 1];
    if (step * before < 0) ++count;
    if (step != 0) before = step;
  }
  return count;
}

void shift(bench::Experiment& run) {
  const std::string folder = bench::critic_flag(run.flags());
  const bench::TrainedCritic critic = bench::trained_critic(run, folder);
  const bench::ImageShape shape = critic.networks.image();
  data::Batches batches(bench::load_images(run, critic.networks.dataset, data::Split::Test), run.batch_size(),
                        run.seed(), data::PixelRange::MinusOneToOne);
  run.keep("images", batches);

  const int64_t count = run.batch_size(), places = shape.height + 1;
  run.train([&] {
    const std::span<const float> images = batches.next();
    std::vector<std::vector<float>> curves(static_cast<size_t>(count));
    std::vector<float> first_image, steps;
    for (int64_t rows = 0; rows < places; ++rows) {
      const std::vector<float> shifted = shifted_down(images, shape, rows);
      const std::vector<float> potentials = critic.potentials(shifted);
      for (size_t i = 0; i < curves.size(); ++i) curves[i].push_back(potentials[i]);
      first_image.insert(first_image.end(), shifted.begin(), shifted.begin() + shape.values());
    }

    std::vector<float> all, unshifted;
    double variation = 0, turned = 0, first_pixel = 0;
    for (const std::vector<float>& curve : curves) {
      all.insert(all.end(), curve.begin(), curve.end());
      unshifted.push_back(curve[0]);
      variation += total_variation(curve) / static_cast<double>(count);
      turned += static_cast<double>(turns(curve)) / static_cast<double>(count);
      first_pixel += std::abs(double{curve[1]} - curve[0]) / static_cast<double>(count);
    }
    run.measure({{"variation", variation},
                 {"turns", turned},
                 {"first_pixel", first_pixel / bench::standard_deviation(unshifted)}});
    run.save_points("potentials", Tensor::from_host(run.device(), {count, places}, all));
    run.save_points("shifted",
                    Tensor::from_host(run.device(), {places, shape.height, shape.width, shape.channels}, first_image));
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wwgan/shift",
                           .summary = "a trained critic on images that are shifted down pixel by pixel",
                           .iterations = 1,
                           .batch = 100,
                           .iteration = "batches of images"};
  return bench::run_experiment(about, argc, argv, shift);
}
