#include "engine/ops/instance_norm.h"

#include "engine/ops/image_view.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

Vector<float> vector_of(const Tensor& tensor) { return tensor.defined() ? tensor.vector() : Vector<float>(); }

PixelAdditions views_of(const Tensor& x, const ImageAdditions& added) {
  PixelAdditions views{.bias = vector_of(added.bias), .strength = vector_of(added.strength)};
  if (!added.noise.defined()) return views;
  const Shape &of = x.shape(), &noise = added.noise.shape();
  if (noise != Shape{noise.rows(), of[1], of[2], 1})
    throw ShapeError("instance_norm: noise of shape " + noise.text() + " for images of shape " + of.text() +
                     "; it must be [n or 1, height, width, 1]");
  views.noise = added.noise.matrix();
  return views;
}

/// Where the gradient of an input goes: its place in the flat buffer, or memory of its own; undefined like the input.
Tensor room_for(const Sweep& sweep, int input, const Tensor& like) {
  if (!like.defined()) return {};
  const Tensor room = sweep.wants(input) ? sweep.room(input) : Tensor();
  return room.defined() ? room : Tensor::empty(like.device(), like.shape());
}

}  // namespace

Tensor instance_norm(const Tensor& x, const Tensor& gain, const Tensor& shift, const ImageAdditions& added,
                     const InstanceNorm& rule) {
  const ImageView<float> from = images_of("instance_norm", x);
  const Shape per_image{from.count, from.channels};
  const Tensor y = Tensor::empty(x.device(), x.shape()), mean = Tensor::empty(x.device(), per_image),
               inverse = Tensor::empty(x.device(), per_image);
  submit(x.device(), [rule, from, additions = views_of(x, added), g = gain.matrix(), b = shift.matrix(),
                      to = images_of("instance_norm", y), m = mean.matrix(), i = inverse.matrix()](auto& stream) {
    instance_norm(stream, rule, from, additions, g, b, to, m, i);
  });
  const auto derivative = [=, noise = Saved(added.noise), x = Saved(x), gain = Saved(gain), bias = Saved(added.bias),
                           strength = Saved(added.strength)](Sweep& sweep) {
    const Tensor &input = sweep.get(x), &by = sweep.get(gain), &above = sweep.gradient();
    const ImageAdditions additions{sweep.get(bias), sweep.get(noise), sweep.get(strength)};
    const Tensor like[] = {input, by, by, additions.bias, additions.strength};
    Tensor gradients[5];
    for (int i = 0; i < 5; ++i) gradients[i] = room_for(sweep, i, like[i]);
    const InstanceNormGradients to{images_of("instance_norm", gradients[0]), gradients[1].matrix(),
                                   gradients[2].matrix(), vector_of(gradients[3]), vector_of(gradients[4])};
    submit(input.device(),
           [rule, from = images_of("instance_norm", input), views = views_of(input, additions), g = by.matrix(),
            m = mean.matrix(), i = inverse.matrix(), gradient = images_of("instance_norm", above),
            to](auto& stream) { instance_norm_gradient(stream, rule, from, views, g, m, i, gradient, to); });
    for (int i = 0; i < 5; ++i)
      if (sweep.wants(i))
        sweep.give(
            i, taped("instance_norm's gradient", gradients[i], {above, input, by, additions.bias, additions.strength},
                     [](Sweep&) { fail_missing_derivative("instance_norm"); }));
  };
  return taped("instance_norm", y, {x, gain, shift, added.bias, added.strength}, derivative);
}

}  // namespace wasserkern
