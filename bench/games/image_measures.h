#pragma once

#include "data/batches.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"

namespace wasserkern::bench {

/// The pixels' standard deviation over a batch [n, ...], mean over the pixels; a scalar.
inline Tensor spread(const Tensor& images) {
  const auto count = static_cast<float>(images.shape().rows());
  const Tensor centred = images - sum_over_rows(images) / count;
  return mean(square_root(sum_over_rows(square(centred)) / count));
}

/// How far generated images [n, pixels] are from the nearest of `training`, by l2; [n, 1]. `training` is on the device
/// as floats for as long as this takes.
inline Tensor nearest_distances(const data::Images& training, data::PixelRange range, const Tensor& generated) {
  const Tensor points =
      Tensor::from_host(generated.device(), {training.count, training.features()}, data::to_floats(training, range));
  return nearest(LqCost{.q = 2, .p = 1}, points, generated, 1).values;
}

}  // namespace wasserkern::bench
