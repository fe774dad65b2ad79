#include "bench/wgan_fail/image_set.h"

#include <cmath>
#include <utility>

#include "bench/harness/image_data.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

constexpr int64_t kSide = 64;  // of CelebA's pictures

/// The middle kSide x kSide of every image.
data::Images middles(const data::Images& images) {
  const int64_t top = (images.height - kSide) / 2, left = (images.width - kSide) / 2, row = kSide * images.channels;
  std::vector<uint8_t> pixels;
  pixels.reserve(static_cast<size_t>(images.count * kSide * row));
  for (int64_t i = 0; i < images.count; ++i)
    for (int64_t y = top; y < top + kSide; ++y) {
      const uint8_t* from = images.pixels.begin() + ((i * images.height + y) * images.width + left) * images.channels;
      pixels.insert(pixels.end(), from, from + row);
    }
  return {
      .count = images.count, .height = kSide, .width = kSide, .channels = images.channels, .pixels = std::move(pixels)};
}

}  // namespace

Tensor ImageSet::on(Device& device) const {
  return Tensor::from_host(device, shape().batch_of(count()), data::to_floats(images, kRange));
}

ImageSetFlags::ImageSetFlags(Flags& flags, const std::vector<std::string>& datasets) {
  dataset = flags.choice({"dataset", "", "whose images are taken; celeba's have 64 x 64 pixels"}, datasets);
  most = flags.integer({"images", "COUNT", "at most so many of them, in the seed's order"}, 10'000, 1);
  crop = flags.number(
      {"crop", "SHARE", "of the side of a face's picture, about its middle, that is taken; 0.607 is 108 of 178 pixels"},
      0.607);
  if (!(crop >= 0.1 && crop <= 1)) throw UsageError("--crop must be between 0.1 and 1");
}

ImageSet ImageSetFlags::load(Experiment& run) const {
  if (dataset != "celeba")
    return {dataset, first_in_order(load_images(run, dataset, data::Split::Training), run.seed(), most)};
  // The picture is made as much larger, so that what is cut out has its size.
  const auto side = std::llround(static_cast<double>(kSide) / crop);
  return {dataset, middles(first_in_order(run.images(dataset, side), run.seed(), most))};
}

}  // namespace wasserkern::bench
