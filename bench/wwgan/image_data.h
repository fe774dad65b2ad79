#pragma once

#include <string>

#include "bench/harness/experiment.h"
#include "data/images.h"

namespace wasserkern::bench {

/// The images of CIFAR-10's split, or CelebA's, all of them, at 64 x 64 pixels.
data::Images load_images(Experiment& run, const std::string& dataset, data::Split split);

}  // namespace wasserkern::bench
