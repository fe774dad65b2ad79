#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/experiment.h"
#include "bench/harness/image_grid.h"
#include "data/batches.h"
#include "data/images.h"
#include "engine/tensor.h"

namespace wasserkern::bench {

/// Images of a data set, of paper 004's experiments with clusters and neighbours; pixels in [-1,1].
struct ImageSet {
  static constexpr auto kRange = data::PixelRange::MinusOneToOne;

  std::string dataset;
  data::Images images;

  int64_t count() const { return images.count; }
  Shape shape() const { return {images.height, images.width, images.channels}; }
  ImageShape image_shape() const { return {images.height, images.width, images.channels}; }
  /// All of them, [count, height, width, channels].
  Tensor on(Device& device) const;
};

/// --dataset, --images and --crop.
struct ImageSetFlags {
  std::string dataset;
  int64_t most;
  double crop;

  /// The first of `datasets` is the default; throws UsageError.
  ImageSetFlags(Flags& flags, const std::vector<std::string>& datasets);
  /// After all flags.
  ImageSet load(Experiment& run) const;
};

}  // namespace wasserkern::bench
