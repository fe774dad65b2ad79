#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "bench/harness/image_data.h"
#include "bench/harness/statistics.h"
#include "bench/wwgan/trained_critic.h"
#include "kernels/error.h"

// Papers 001 and 002, figure 5 and appendix C: what a trained critic says of images, and of the same with salt and
// pepper noise in each colour. The claim is that the critic of a WGAN-GP tells both apart where that of a WWGAN does
// not.
//
// Watch `separation`, |mean D(clean) - mean D(noisy)| by the standard deviation of D(clean), and `ordered`, the
// probability that a noisy image has the lower potential of a noisy and a clean one: 0.5 if they cannot be told apart,
// 0 or 1 if they are two clusters.

using namespace wasserkern;

namespace {

/// Every value is black or white, as likely, with probability `changed`.
std::vector<float> salted(std::span<const float> images, float changed, const std::vector<float>& uniforms) {
  std::vector<float> noisy(images.begin(), images.end());
  for (size_t i = 0; i < noisy.size(); ++i)
    if (uniforms[i] < changed) noisy[i] = uniforms[i] < changed / 2 ? -1.0f : 1.0f;
  return noisy;
}

double ordered(const std::vector<float>& noisy, const std::vector<float>& clean) {
  double lower = 0;
  for (const float a : noisy)
    for (const float b : clean) lower += a < b ? 1 : a == b ? 0.5 : 0;
  return lower / static_cast<double>(noisy.size() * clean.size());
}

void noise(bench::Experiment& run) {
  const std::string folder = bench::critic_flag(run.flags());
  const auto changed = static_cast<float>(
      run.flags().number({"changed", "PROBABILITY", "with which each value becomes black or white"}, 0.15));
  if (!(changed >= 0 && changed <= 1)) throw UsageError("--changed must be between 0 and 1");
  const bench::TrainedCritic critic = bench::trained_critic(run, folder);
  data::Batches batches(bench::load_images(run, critic.networks.dataset, data::Split::Test), run.batch_size(),
                        run.seed(), data::PixelRange::MinusOneToOne);
  run.keep("images", batches);

  const int64_t count = run.batch_size();
  const Tensor uniforms = Tensor::empty(run.device(), {count, critic.networks.image().values()});
  run.train([&] {
    const std::span<const float> images = batches.next();
    run.phase("noise", [&] { uniforms.overwrite(run.random().uniform(uniforms.shape())); });
    const std::vector<float> clean = critic.potentials(images);
    const std::vector<float> noisy = critic.potentials(salted(images, changed, uniforms.to_host()));
    run.measure({{"separation", std::abs(bench::mean(clean) - bench::mean(noisy)) / bench::standard_deviation(clean)},
                 {"ordered", ordered(noisy, clean)}});
    std::vector<float> both = clean;
    both.insert(both.end(), noisy.begin(), noisy.end());
    run.save_points("potentials", Tensor::from_host(run.device(), {2, count}, both));
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wwgan/noise",
                           .summary = "a trained critic on images with and without salt and pepper noise",
                           .iterations = 1,
                           .batch = 64,
                           .iteration = "batches of images"};
  return bench::run_experiment(about, argc, argv, noise);
}
