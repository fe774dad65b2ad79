#include "bench/harness/image_data.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "data/batches.h"
#include "data/cifar10.h"
#include "data/idx.h"

namespace wasserkern::bench {

data::Images load_images(Experiment& run, const std::string& dataset, data::Split split) {
  if (dataset == "celeba") return run.images("celeba", 64);
  if (dataset == "cifar-10") return data::load_cifar10(run.data("cifar-10"), split);
  return data::load_mnist_like(run.data(dataset), split);
}

data::Images first_in_order(const data::Images& images, uint64_t seed, int64_t most) {
  std::vector<int64_t> order(static_cast<size_t>(images.count));
  data::shuffled_order(seed, 0, order);
  const int64_t count = std::min(most, images.count);
  std::vector<uint8_t> pixels;
  pixels.reserve(static_cast<size_t>(count * images.features()));
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t* from = images.pixels.begin() + order[static_cast<size_t>(i)] * images.features();
    pixels.insert(pixels.end(), from, from + images.features());
  }
  return {.count = count,
          .height = images.height,
          .width = images.width,
          .channels = images.channels,
          .pixels = std::move(pixels)};
}

}  // namespace wasserkern::bench
