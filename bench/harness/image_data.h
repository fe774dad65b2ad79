#pragma once

#include <string>

#include "bench/harness/experiment.h"
#include "data/images.h"

namespace wasserkern::bench {

/// The images of a split of cifar-10, mnist or fashion-mnist, or of celeba, all of them, at 64 x 64 pixels.
data::Images load_images(Experiment& run, const std::string& dataset, data::Split split);

/// Those that come first in the seed's order, `most` of them or as many as there are.
data::Images first_in_order(const data::Images& images, uint64_t seed, int64_t most);

}  // namespace wasserkern::bench
