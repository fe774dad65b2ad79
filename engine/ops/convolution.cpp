#include "engine/ops/convolution.h"

#include <string>

#include "engine/ops/activation.h"
#include "engine/ops/image_view.h"
#include "engine/ops/reduce.h"
#include "engine/packed_weights.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

FilterView<float> filters_of(const char* op, const Tensor& weight) {
  const Shape& shape = weight.shape();
  if (shape.rank() != 4)
    throw ShapeError(std::string(op) + ": a weight of shape " + shape.text() +
                     "; it must be [outputs, height, width, inputs]");
  return {weight.data(), shape[0], shape[1], shape[2], shape[3]};
}

/// The weight's filters with their packed copy, if the pass from or to these images wants one.
FilterView<const float> packed_filters(FilterPass pass, const Window& window, ImageView<const float> x,
                                       const Tensor& weight, FilterView<const float> filters,
                                       ImageView<const float> y) {
  const FilterLayout layout =
      weight.device().stream().visit([&](auto& stream) { return filter_layout(stream, pass, window, x, filters, y); });
  filters.packed = weight.device().packed_weights().get(weight, layout);
  return filters;
}

Epilogue epilogue_of(const Tensor& bias, Activation activation, float slope) {
  return {bias.defined() ? Vector<const float>(bias.vector()) : Vector<const float>(), activation, slope};
}

Shape shape_of(const Tensor& tensor) { return tensor.defined() ? tensor.shape() : Shape(); }

}  // namespace

Tensor convolution(const Tensor& x, const Tensor& weight, const Tensor& bias, const Window& window,
                   Activation activation, float slope) {
  check_slope("convolution", slope);
  const ImageView<const float> from = images_of("convolution", x);
  const FilterView<const float> plain = filters_of("convolution", weight);
  Tensor out = Tensor::empty(x.device(), {from.count, window.output_extent(from.height, plain.height),
                                          window.output_extent(from.width, plain.width), plain.outputs});
  const ImageView<float> to = images_of("convolution", out);
  const FilterView<const float> filters = packed_filters(FilterPass::Convolution, window, from, weight, plain, to);
  submit(x.device(), [=, epilogue = epilogue_of(bias, activation, slope)](auto& stream) {
    convolution(stream, window, epilogue, from, filters, to);
  });
  return taped(
      "convolution", out, {x, weight, bias},
      [=, saved_x = Saved(x), saved_weight = Saved(weight), bias_shape = shape_of(bias)](Sweep& sweep) {
        const Tensor gradient = through_activation(sweep.gradient(), sweep.output(), activation, slope);
        const Tensor &input = sweep.get(saved_x), &filter = sweep.get(saved_weight);
        if (sweep.wants(0))
          sweep.give(0, transposed_convolution(gradient, filter, {}, window, input.shape()[1], input.shape()[2]));
        if (sweep.wants(1))
          sweep.give(1, convolution_weight_gradient(input, gradient, window, filter.shape()[1], filter.shape()[2],
                                                    sweep.room(1)));
        if (sweep.wants(2)) sweep.give(2, sum_to(gradient, bias_shape));
      },
      Keep::Output);
}

Tensor transposed_convolution(const Tensor& y, const Tensor& weight, const Tensor& bias, const Window& window,
                              int64_t height, int64_t width, Activation activation, float slope) {
  check_slope("transposed_convolution", slope);
  const ImageView<const float> from = images_of("transposed_convolution", y);
  const FilterView<const float> plain = filters_of("transposed_convolution", weight);
  Tensor out = Tensor::empty(y.device(), {from.count, height, width, plain.inputs});
  const ImageView<float> to = images_of("transposed_convolution", out);
  const FilterView<const float> filters = packed_filters(FilterPass::Transposed, window, to, weight, plain, from);
  submit(y.device(), [=, epilogue = epilogue_of(bias, activation, slope)](auto& stream) {
    transposed_convolution(stream, window, epilogue, from, filters, to);
  });
  return taped(
      "transposed_convolution", out, {y, weight, bias},
      [=, saved_y = Saved(y), saved_weight = Saved(weight), bias_shape = shape_of(bias)](Sweep& sweep) {
        const Tensor gradient = through_activation(sweep.gradient(), sweep.output(), activation, slope);
        const Tensor &input = sweep.get(saved_y), &filter = sweep.get(saved_weight);
        if (sweep.wants(0)) sweep.give(0, convolution(gradient, filter, {}, window));
        if (sweep.wants(1))
          sweep.give(1, convolution_weight_gradient(gradient, input, window, filter.shape()[1], filter.shape()[2],
                                                    sweep.room(1)));
        if (sweep.wants(2)) sweep.give(2, sum_to(gradient, bias_shape));
      },
      Keep::Output);
}

Tensor convolution_weight_gradient(const Tensor& x, const Tensor& y, const Window& window, int64_t filter_height,
                                   int64_t filter_width, const Tensor& into) {
  const ImageView<const float> inputs = images_of("convolution_weight_gradient", x),
                               outputs = images_of("convolution_weight_gradient", y);
  Tensor out = into.defined()
                   ? into
                   : Tensor::empty(x.device(), {outputs.channels, filter_height, filter_width, inputs.channels});
  const FilterView<float> filters = filters_of("convolution_weight_gradient", out);
  submit(x.device(), [=](auto& stream) { convolution_filter_gradient(stream, window, inputs, outputs, filters); });
  return taped("convolution_weight_gradient", out, {x, y}, [=, saved_x = Saved(x), saved_y = Saved(y)](Sweep& sweep) {
    const Tensor &images = sweep.get(saved_x), &weight_like = sweep.gradient();
    if (sweep.wants(0))
      sweep.give(
          0, transposed_convolution(sweep.get(saved_y), weight_like, {}, window, images.shape()[1], images.shape()[2]));
    if (sweep.wants(1)) sweep.give(1, convolution(images, weight_like, {}, window));
  });
}

}  // namespace wasserkern
