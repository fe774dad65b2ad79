#include "engine/ops/convolution.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "tests/convolution_reference.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"

namespace wasserkern::testing {
namespace {

struct Geometry : ConvolutionReference {
  Shape x_shape() const { return {count, height, width, inputs}; }
  Shape w_shape() const { return {outputs, filter_height, filter_width, inputs}; }
  Shape y_shape() const { return {count, y_height(), y_width(), outputs}; }
};

// One with an unreached last column, a filter that is not square, and one that is the whole image.
const Geometry kGeometries[] = {{2, 5, 4, 2, 3, 3, 2, {2, 1}}, {1, 3, 3, 1, 2, 3, 3, {1, 0}}};

Doubles mapped(Doubles values, double (*function)(double)) {
  for (double& value : values) value = function(value);
  return values;
}

double leaky(double x) { return x > 0 ? x : 0.2 * x; }

}  // namespace

TEST_CASE("convolutions and their first and second derivatives", "[convolution]") {
  for (const Geometry& g : kGeometries) {
    INFO(g.height << "x" << g.width << ", stride " << g.window.stride);
    check_op({"convolution",
              {g.x_shape(), g.w_shape(), {g.outputs}},
              [=](auto& in) { return convolution(in[0], in[1], in[2], g.window); },
              [=](auto& in) { return g.forward(in[0], in[1], in[2]); }});
    check_op({"transposed_convolution",
              {g.y_shape(), g.w_shape(), {g.inputs}},
              [=](auto& in) { return transposed_convolution(in[0], in[1], in[2], g.window, g.height, g.width); },
              [=](auto& in) { return g.transposed(in[0], in[1], in[2]); }});
    check_op(
        {"convolution_weight_gradient",
         {g.x_shape(), g.y_shape()},
         [=](auto& in) { return convolution_weight_gradient(in[0], in[1], g.window, g.filter_height, g.filter_width); },
         [=](auto& in) { return g.filter_gradient(in[0], in[1]); }});
  }
}

TEST_CASE("fused activations of convolutions and their derivatives", "[convolution]") {
  const Geometry& g = kGeometries[0];
  check_op({"convolution, tanh",
            {g.x_shape(), g.w_shape(), {g.outputs}},
            [=](auto& in) { return convolution(in[0], in[1], in[2], g.window, Activation::Tanh); },
            [=](auto& in) { return mapped(g.forward(in[0], in[1], in[2]), [](double x) { return std::tanh(x); }); },
            [](double x) { return 0.3 * x; }});
  check_op({"transposed convolution, tanh",
            {g.y_shape(), g.w_shape(), {g.inputs}},
            [=](auto& in) {
              return transposed_convolution(in[0], in[1], in[2], g.window, g.height, g.width, Activation::Tanh);
            },
            [=](auto& in) { return mapped(g.transposed(in[0], in[1], in[2]), [](double x) { return std::tanh(x); }); },
            [](double x) { return 0.3 * x; }});
  // All inputs positive, so that no output comes near the kink.
  check_op({"convolution, leaky ReLU",
            {g.x_shape(), g.w_shape(), {g.outputs}},
            [=](auto& in) {
              return convolution(in[0], in[1], in[2], g.window, Activation::LeakyRelu, 0.2f) +
                     convolution(-in[0], in[1], -in[2], g.window, Activation::LeakyRelu, 0.2f);
            },
            [=](auto& in) {
              const Doubles above = g.forward(in[0], in[1], in[2]);
              Doubles out = mapped(above, leaky);
              for (size_t i = 0; i < out.size(); ++i) out[i] += leaky(-above[i]);
              return out;
            },
            [](double x) { return 0.3 + std::abs(x); }});
}

TEST_CASE("packed weights follow every update, and nothing outlives a phase", "[convolution]") {
  Device& device = test_device();
  const Window window{1, 1};
  const Tensor x = Tensor::full(device, {1, 4, 4, 2}, 1), weight = Tensor::full(device, {3, 3, 3, 2}, 1);
  const float before = convolution(x, weight, {}, window).to_host()[3 * 5];
  CHECK(before == 18);
  CHECK(convolution(x, weight, {}, window).to_host()[3 * 5] == before);
  weight.overwrite(Tensor::full(device, {3, 3, 3, 2}, 2));
  CHECK(convolution(x, weight, {}, window).to_host()[3 * 5] == 2 * before);
  CHECK(transposed_convolution(Tensor::full(device, {1, 4, 4, 3}, 1), weight, {}, window, 4, 4).to_host()[2 * 5] == 54);
  {
    // Another weight, perhaps at the first one's address.
    const Tensor passing = Tensor::full(device, {3, 3, 3, 2}, 5);
    CHECK(convolution(x, passing, {}, window).to_host()[3 * 5] == 5 * before);
  }
  const Tensor next = Tensor::full(device, {3, 3, 3, 2}, 7);
  CHECK(convolution(x, next, {}, window).to_host()[3 * 5] == 7 * before);
}

TEST_CASE("convolutions of what does not fit say so", "[convolution]") {
  Device& device = test_device();
  const Tensor x = Tensor::full(device, {1, 4, 4, 2}, 1), weight = Tensor::full(device, {3, 3, 3, 2}, 1);
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(convolution(x.viewed_as({4, 8}), weight, {}, {}), Contains("[4, 8]"));
  CHECK_THROWS_WITH(convolution(x, weight.viewed_as({54}), {}, {}), Contains("[54]"));
  CHECK_THROWS_AS(convolution(x, Tensor::full(device, {3, 3, 3, 1}, 1), {}, {}), ShapeError);
  CHECK_THROWS_AS(convolution(x, weight, {}, {0, 1}), ShapeError);
  CHECK_THROWS_AS(convolution(x, weight, {}, {1, -1}), ShapeError);
  CHECK_THROWS_AS(convolution(x, Tensor::full(device, {1, 5, 5, 2}, 1), {}, {}), ShapeError);
  CHECK_THROWS_AS(convolution(x, weight, Tensor::full(device, {2}, 1), {}), ShapeError);
  CHECK_THROWS_AS(convolution(x, weight, {}, {}, Activation::LeakyRelu, -1), UsageError);
  CHECK_THROWS_AS(transposed_convolution(Tensor::full(device, {1, 2, 2, 3}, 1), weight, {}, {}, 5, 4), ShapeError);
  CHECK_THROWS_AS(convolution_weight_gradient(x, Tensor::full(device, {1, 2, 2, 3}, 1), {}, 3, 2), ShapeError);
}

}  // namespace wasserkern::testing
