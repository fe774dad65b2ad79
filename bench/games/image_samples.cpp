#include "bench/games/image_samples.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

/// A few at a time.
Tensor draw(const models::Model& generator, const Tensor& noise, const ImageShape& shape) {
  constexpr int64_t kAtOnce = 100;
  const int64_t count = noise.shape().rows();
  std::vector<float> values;
  for (int64_t from = 0; from < count; from += kAtOnce) {
    const Tensor some = noise.viewed_rows(from, std::min(from + kAtOnce, count));
    const std::vector<float> images = generator(some, models::Mode::Evaluation).to_host();
    values.insert(values.end(), images.begin(), images.end());
  }
  return Tensor::from_host(noise.device(), Shape{shape.height, shape.width, shape.channels}.batch_of(count), values);
}

}  // namespace

SampleSettings sample_flags(Flags& flags) {
  SampleSettings settings;
  settings.average = static_cast<float>(flags.number(
      {"average", "DECAY", "samples are drawn from the generator's moving average too, of this decay; 0: not"}, 0));
  settings.saved = flags.integer(
      {"save-images", "COUNT", "generated images that are written at the end, as an array of NumPy's"}, 0, 0);
  if (!(settings.average >= 0 && settings.average < 1)) throw UsageError("--average must be 0 or more, and below 1");
  return settings;
}

ImageSamples::Average::Average(const models::Model& generator, models::Model average, float decay)
    : network(std::move(average)),
      parameters(generator.parameters(), network.parameters(), decay),
      statistics(generator.statistics(), network.statistics(), decay) {}

void ImageSamples::Average::visit(Checkpoint& checkpoint, const std::string& name) {
  parameters.visit(checkpoint, name);
  statistics.visit(checkpoint, name + "_statistics");
}

ImageSamples::ImageSamples(Experiment& run, const models::Model& generator, int64_t latent,
                           const SampleSettings& settings, const ImageShape& shape, data::PixelRange range,
                           const std::function<models::Model()>& make_generator) {
  if (settings.average > 0) {
    average_.emplace(generator, make_generator(), settings.average);
    run.keep("average", *average_);
  }
  const Tensor grid_noise = run.noise({64, latent}), saved_noise = run.noise({settings.saved, latent});
  run.every(run.samples_every(), [=, this, &run] {
    run.save_grid(draw(generator, grid_noise, shape), shape, range);
    if (average_) run.save_grid(draw(average_->network, grid_noise, shape), shape, range, "average");
  });
  run.every(run.iterations(), [=, this, &run] {
    if (settings.saved > 0)
      run.save_points("images", draw(average_ ? average_->network : generator, saved_noise, shape));
  });
}

void ImageSamples::follow() {
  if (!average_) return;
  average_->parameters.update();
  average_->statistics.update();
}

}  // namespace wasserkern::bench
