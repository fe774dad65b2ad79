#include "bench/wwgan/image_data.h"

#include "data/cifar10.h"

namespace wasserkern::bench {

data::Images load_images(Experiment& run, const std::string& dataset, data::Split split) {
  if (dataset == "celeba") return run.images("celeba", 64);
  return data::load_cifar10(run.data("cifar-10"), split);
}

}  // namespace wasserkern::bench
