#include "engine/ops/layer_norm.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/view.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "kernels/norm_contracts.h"

namespace wasserkern {
namespace {

/// What rows were normalised by, [n, 1, ...], so that it can be broadcast to them. Constants: their own part of every
/// derivative is in the formulas.
struct RowStatistics {
  Tensor mean, inverse;

  explicit RowStatistics(const Tensor& x) : mean(column(x)), inverse(column(x)) {}

 private:
  static Tensor column(const Tensor& x) {
    const Shape& of = x.shape();
    const int64_t rows = of.rows();
    const Shape shapes[] = {{}, {rows}, {rows, 1}, {rows, 1, 1}, {rows, 1, 1, 1}, {rows, 1, 1, 1, 1}};
    return Tensor::empty(x.device(), shapes[of.rank()]);
  }
};

/// What x's gradient along `direction` gains per x.
Tensor hessian(const Tensor& x, const RowStatistics& by, const Tensor& gradient, const Tensor& direction) {
  Tensor out = Tensor::empty(x.device(), x.shape());
  submit(x.device(), [from = x.matrix(), mean = by.mean.vector(), inverse = by.inverse.vector(), g = gradient.matrix(),
                      h = direction.matrix(),
                      to = out.matrix()](auto& stream) { layer_norm_hessian(stream, from, mean, inverse, g, h, to); });
  return taped("layer_norm's second derivative", out, {x, gradient, direction},
               [](Sweep&) { fail_missing_derivative("layer_norm's gradient"); });
}

/// The gradient of x from that of x normalised.
Tensor through_statistics(const Tensor& x, const RowStatistics& by, const Tensor& gradient) {
  Tensor out = Tensor::empty(x.device(), x.shape());
  submit(x.device(), [from = x.matrix(), mean = by.mean.vector(), inverse = by.inverse.vector(), g = gradient.matrix(),
                      to = out.matrix()](auto& stream) { layer_norm_gradient(stream, from, mean, inverse, g, to); });
  return taped("layer_norm's gradient", out, {gradient, x},
               [by, gradient = Saved(gradient), x = Saved(x)](Sweep& sweep) {
                 const Tensor& input = sweep.get(x);
                 if (sweep.wants(0)) sweep.give(0, through_statistics(input, by, sweep.gradient()));
                 if (sweep.wants(1)) sweep.give(1, hessian(input, by, sweep.get(gradient), sweep.gradient()));
               });
}

/// (x - mean) / deviation.
Tensor normalised(const Tensor& x, const RowStatistics& by) {
  const Tensor values = [&] {
    const TapeOff by_hand;
    return (x - by.mean) * by.inverse;
  }();
  return taped("layer_norm's normalisation", values, {x}, [by, x = Saved(x)](Sweep& sweep) {
    sweep.give(0, through_statistics(sweep.get(x), by, sweep.gradient()));
  });
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, const LayerNorm& rule) {
  const Shape& of = x.shape();
  const bool per_channel = gain.shape().rank() == 1 && of.rank() > 1 && gain.shape()[0] == of[of.rank() - 1];
  if (shift.shape() != gain.shape() || of.rank() < 2 || (!per_channel && gain.size() != of.columns()))
    throw ShapeError("layer_norm of a tensor of shape " + of.text() + " by a gain of shape " + gain.shape().text() +
                     " and a shift of shape " + shift.shape().text() +
                     "; both need one value per channel or the shape of a row");
  const Tensor y = Tensor::empty(x.device(), of);
  const RowStatistics by(x);
  submit(x.device(),
         [rule, from = x.matrix(), g = gain.vector(), b = shift.vector(), to = y.matrix(), mean = by.mean.vector(),
          inverse = by.inverse.vector()](auto& stream) { layer_norm(stream, rule, from, g, b, to, mean, inverse); });
  // What gain and shift are in a broadcast: one value per channel, or a row.
  const Shape repeated = per_channel ? gain.shape() : of.with_rows(1);
  const float slope = slope_of(rule);
  const auto derivative = [=, x = Saved(x), gain = Saved(gain)](Sweep& sweep) {
    const Tensor &input = sweep.get(x), &scale = sweep.get(gain);
    const Tensor g = slope == 1 ? sweep.gradient() : leaky_relu_gradient(sweep.gradient(), sweep.output(), slope);
    const auto to_parameter = [&](const Tensor& sum) { return reshape(sum_to(sum, repeated), scale.shape()); };
    if (sweep.wants(0)) sweep.give(0, through_statistics(input, by, g * reshape(scale, repeated)));
    if (sweep.wants(1)) sweep.give(1, to_parameter(g * normalised(input, by)));
    if (sweep.wants(2)) sweep.give(2, to_parameter(g));
  };
  return taped("layer_norm", y, {x, gain, shift}, derivative, Keep::Output);
}

}  // namespace wasserkern
