#pragma once

#include <vector>

#include "data/batches.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"

namespace wasserkern::bench {

/// The pixels' standard deviation over a batch [n, pixels], mean over the pixels; a scalar.
inline Tensor spread(const Tensor& images) {
  const auto count = static_cast<float>(images.shape().rows());
  const Tensor centred = images - sum_over_rows(images) / count;
  return mean(square_root(sum_over_rows(square(centred)) / count));
}

/// How far generated images [n, pixels] are from the nearest of `training`, by l2; [n, 1]. `training` is on the device
/// as floats for as long as this takes.
inline Tensor nearest_distances(const data::Images& training, data::PixelRange range, const Tensor& generated) {
  data::Batches whole(training, training.count, 0, range);
  std::vector<float> values(static_cast<size_t>(training.count * training.features()));
  whole.next_into({values.data(), training.count, training.features(), training.features()});
  const Tensor points = Tensor::from_host(generated.device(), {training.count, training.features()}, values);
  return nearest(LqCost{.q = 2, .p = 1}, points, generated, 1).values;
}

}  // namespace wasserkern::bench
