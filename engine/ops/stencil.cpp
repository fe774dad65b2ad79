#include "engine/ops/stencil.h"

#include <string>

#include "engine/ops/elementwise.h"
#include "engine/ops/image_view.h"
#include "engine/ops/reduce.h"
#include "engine/ops/view.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

void check_constant(const char* op, const Tensor& x) {
  if (x.on_tape())
    throw UsageError(std::string(op) +
                     ": the images that the metric is taken at are constants, but x is on the tape; "
                     "detach it");
}

}  // namespace

Tensor stencil_form(const Stencil& stencil, const Tensor& x, const Tensor& g) {
  check_constant("stencil_form", x);
  const ImageView<const float> at = images_of("stencil_form", x), gradient = images_of("stencil_form", g);
  Tensor form = Tensor::empty(x.device(), {at.count, 1});
  submit(x.device(), [=, to = form.vector()](auto& stream) { stencil_form(stream, stencil, at, gradient, to); });
  return taped("stencil_form", form, {g}, [=, saved_x = Saved(x), saved_g = Saved(g)](Sweep& sweep) {
    sweep.give(0, stencil_product(stencil, sweep.get(saved_x), 2 * sweep.gradient(), sweep.get(saved_g)));
  });
}

Tensor stencil_product(const Stencil& stencil, const Tensor& x, const Tensor& scale, const Tensor& g) {
  check_constant("stencil_product", x);
  const ImageView<const float> at = images_of("stencil_product", x), gradient = images_of("stencil_product", g);
  Tensor product = Tensor::empty(x.device(), g.shape());
  const ImageView<float> to = images_of("stencil_product", product);
  submit(x.device(), [=, per_image = scale.vector()](auto& stream) {
    stencil_product(stream, stencil, at, per_image, gradient, to);
  });
  return taped("stencil_product", product, {scale, g},
               [=, saved_x = Saved(x), saved_scale = Saved(scale), saved_g = Saved(g)](Sweep& sweep) {
                 const Tensor &images = sweep.get(saved_x), &factor = sweep.get(saved_scale);
                 // L~ is symmetric: what comes back is multiplied by it again.
                 if (sweep.wants(0)) {
                   const Tensor one = Tensor::full(factor.device(), factor.shape(), 1);
                   const Tensor back = stencil_product(stencil, images, one, sweep.gradient());
                   sweep.give(0, reshape(sum_over_columns(back * sweep.get(saved_g)), factor.shape()));
                 }
                 if (sweep.wants(1)) sweep.give(1, stencil_product(stencil, images, factor, sweep.gradient()));
               });
}

}  // namespace wasserkern
