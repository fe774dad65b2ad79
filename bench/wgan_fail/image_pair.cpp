#include "bench/wgan_fail/image_pair.h"

#include <span>
#include <utility>
#include <vector>

#include "bench/harness/certified.h"
#include "bench/harness/image_data.h"
#include "data/centre_square.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/transport/exact.h"

namespace wasserkern::bench {
namespace {

data::Images part(const data::Images& images, int64_t from, int64_t count) {
  const uint8_t* first = images.pixels.begin() + from * images.features();
  return {.count = count,
          .height = images.height,
          .width = images.width,
          .channels = images.channels,
          .pixels = std::vector<uint8_t>(first, first + count * images.features())};
}

}  // namespace

Tensor ImagePair::on(Device& device, const data::Images& images) const {
  return Tensor::from_host(device, shape().batch_of(images.count), data::to_floats(images, kRange));
}

ImagePairFlags::ImagePairFlags(Flags& flags, int64_t points) {
  dataset = flags.choice({"dataset", "", "whose images make the two sets, in the order of its files"},
                         {"cifar-10", "celeba"});
  this->points = flags.integer({"points", "COUNT", "images of each set"}, points, 1);
  side = flags.choice({"side", "", "pixels of an image, across and down; cifar-10's 32 are enlarged bilinearly"},
                      {"32", "64"}) == "32"
             ? 32
             : 64;
}

ImagePair ImagePairFlags::load(Experiment& run) const {
  const data::Images all =
      dataset == "celeba" ? run.images("celeba", side) : load_images(run, dataset, data::Split::Training);
  if (all.count / 2 < points)
    throw UsageError("--points " + std::to_string(points) + ": two sets of so many; " + dataset + " has " +
                     std::to_string(all.count) + " images, give " + std::to_string(all.count / 2) + " or fewer");
  const auto sized = [&](data::Images images) {
    return images.height == side ? std::move(images) : data::centre_squares(images, side);
  };
  return {dataset, sized(part(all, 0, points)), sized(part(all, points, points))};
}

double exact_distance(Experiment& run, const ImagePair& pair) {
  const auto note_progress = run.preparation("exact distances");
  note_progress(0, 1);
  Device& device = run.device();
  const TapeOff constants;
  return certified_cost(
      losses::exact_transport(LqCost{.q = 2, .p = 1}, {pair.on(device, pair.x), {}}, {pair.on(device, pair.y), {}}));
}

}  // namespace wasserkern::bench
