#pragma once

#include <cstdint>
#include <string>

#include "bench/harness/experiment.h"
#include "data/batches.h"
#include "data/images.h"
#include "engine/tensor.h"

namespace wasserkern::bench {

/// Two disjoint sets of as many images, the finite distributions of paper 004's algorithms 2, 5 and 6; pixels in
/// [-1,1].
struct ImagePair {
  static constexpr auto kRange = data::PixelRange::MinusOneToOne;

  std::string dataset;
  data::Images x, y;

  int64_t count() const { return x.count; }
  int64_t side() const { return x.height; }
  /// Of an image.
  Shape shape() const { return {x.height, x.width, x.channels}; }
  /// All of a set, [count, height, width, channels].
  Tensor on(Device& device, const data::Images& images) const;
};

/// --dataset, --points and --side.
struct ImagePairFlags {
  std::string dataset;
  int64_t points;  // images of each set
  int64_t side;    // their pixels, across and down

  /// `points` is the default.
  ImagePairFlags(Flags& flags, int64_t points);
  /// After all flags: the data set's first `points` images, and those that follow. Throws UsageError where there are
  /// fewer.
  ImagePair load(Experiment& run) const;
};

/// The exact W1 of the two sets, with Euclidean distance between images; certified, else Error.
double exact_distance(Experiment& run, const ImagePair& pair);

}  // namespace wasserkern::bench
