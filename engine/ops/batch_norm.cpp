#include "engine/ops/batch_norm.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "kernels/norm_contracts.h"

namespace wasserkern {
namespace {

int64_t channels_of(const Tensor& x) {
  const int rank = x.shape().rank();
  if (rank < 2) throw ShapeError("batch_norm of a tensor of shape " + x.shape().text() + "; it needs [..., channels]");
  return x.shape()[rank - 1];
}

/// All values of a channel as a column.
Matrix<float> by_channels(const Tensor& x) {
  const int64_t channels = channels_of(x);
  return {x.data(), channels > 0 ? x.size() / channels : 0, channels};
}

Tensor per_channel(const Tensor& x) { return Tensor::empty(x.device(), {channels_of(x)}); }

/// Where the gradient of an input goes: its place in the flat buffer, or memory of its own.
Tensor room_for(const Sweep& sweep, int input, const Tensor& like) {
  const Tensor room = sweep.wants(input) ? sweep.room(input) : Tensor();
  return room.defined() ? room : Tensor::empty(like.device(), like.shape());
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, const RunningStatistics& running,
                  const BatchNorm& rule) {
  const Tensor y = Tensor::empty(x.device(), x.shape()), mean = per_channel(x), inverse = per_channel(x);
  submit(x.device(), [rule, from = by_channels(x), g = gain.vector(), b = shift.vector(),
                      running_mean = running.mean.vector(), running_variance = running.variance.vector(),
                      to = by_channels(y), m = mean.vector(), i = inverse.vector()](auto& stream) {
    batch_norm(stream, rule, from, g, b, running_mean, running_variance, to, m, i);
  });
  running.mean.bump_version();
  running.variance.bump_version();
  const auto derivative = [=, x = Saved(x), gain = Saved(gain), shift = Saved(shift)](Sweep& sweep) {
    const Tensor &input = sweep.get(x), &by = sweep.get(gain), &to = sweep.get(shift), &above = sweep.gradient();
    const Tensor gradients[] = {room_for(sweep, 0, input), room_for(sweep, 1, by), room_for(sweep, 2, to)};
    submit(input.device(), [rule, from = by_channels(input), g = by.vector(), b = to.vector(), m = mean.vector(),
                            i = inverse.vector(), gradient = by_channels(above), dx = by_channels(gradients[0]),
                            dg = gradients[1].vector(), db = gradients[2].vector()](auto& stream) {
      batch_norm_gradient(stream, rule, from, g, b, m, i, gradient, dx, dg, db);
    });
    for (int i = 0; i < 3; ++i)
      if (sweep.wants(i))
        sweep.give(i, taped("batch_norm's gradient", gradients[i], {above, input, by, to},
                            [](Sweep&) { fail_missing_derivative("batch_norm"); }));
  };
  return taped("batch_norm", y, {x, gain, shift}, derivative);
}

Tensor batch_norm_inference(const Tensor& x, const Tensor& gain, const Tensor& shift, const RunningStatistics& running,
                            const BatchNorm& rule) {
  const Tensor y = Tensor::empty(x.device(), x.shape()), mean = per_channel(x), inverse = per_channel(x);
  submit(x.device(), [rule, from = by_channels(x), g = gain.vector(), b = shift.vector(),
                      running_mean = running.mean.vector(), running_variance = running.variance.vector(),
                      to = by_channels(y), m = mean.vector(), i = inverse.vector()](auto& stream) {
    batch_norm_inference(stream, rule, from, g, b, running_mean, running_variance, to, m, i);
  });
  const float slope = slope_of(rule);
  const auto derivative = [=, x = Saved(x), gain = Saved(gain), shift_shape = shift.shape()](Sweep& sweep) {
    const Tensor &input = sweep.get(x), &by = sweep.get(gain);
    const Tensor gradient =
        slope == 1 ? sweep.gradient() : leaky_relu_gradient(sweep.gradient(), sweep.output(), slope);
    if (sweep.wants(0)) sweep.give(0, gradient * (by * inverse));
    if (sweep.wants(1)) sweep.give(1, sum_to(gradient * ((input - mean) * inverse), by.shape()));
    if (sweep.wants(2)) sweep.give(2, sum_to(gradient, shift_shape));
  };
  return taped("batch_norm_inference", y, {x, gain, shift}, derivative, Keep::Output);
}

}  // namespace wasserkern
