#include "engine/ops/stencil.h"

#include <catch2/catch.hpp>

#include "kernels/error.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"
#include "tests/kernels/stencil_reference.h"

namespace wasserkern::testing {
namespace {

const Stencil kStencil{.graph = {{0, 1, 0.5f}, {1, 0, 2}, {1, -2, 1}}, .identity = 0.3f, .total = 0.2f};
const Shape kImages{2, 3, 4, 2};

/// Every image of x with its gradient in g, by the dense matrix.
std::vector<StencilReference> references(const std::vector<float>& x, const Doubles& g) {
  std::vector<StencilReference> of_images;
  for (size_t at = 0; at < x.size(); at += 24)
    of_images.emplace_back(kStencil, kImages[1], kImages[2], kImages[3], &x[at], &g[at]);
  return of_images;
}

std::vector<float> random_pixels() {
  std::mt19937_64 source(test_seed());
  std::uniform_real_distribution<float> pixel(-1, 1);
  std::vector<float> pixels(static_cast<size_t>(kImages.size()));
  for (float& value : pixels) value = pixel(source);
  return pixels;
}

}  // namespace

TEST_CASE("the stencil's form differentiates twice", "[stencil]") {
  const std::vector<float> pixels = random_pixels();
  const Tensor x = Tensor::from_host(test_device(), kImages, pixels);
  check_op({"stencil_form",
            {kImages},
            [&](const auto& in) { return stencil_form(kStencil, x, in[0]); },
            [&](const auto& in) {
              Doubles forms;
              for (const StencilReference& image : references(pixels, in[0])) forms.push_back(image.form);
              return forms;
            }});
}

TEST_CASE("the stencil's product differentiates twice, in its scale too", "[stencil]") {
  const std::vector<float> pixels = random_pixels();
  const Tensor x = Tensor::from_host(test_device(), kImages, pixels);
  check_op({"stencil_product",
            {{2, 1}, kImages},
            [&](const auto& in) { return stencil_product(kStencil, x, in[0], in[1]); },
            [&](const auto& in) {
              Doubles products;
              size_t i = 0;
              for (const StencilReference& image : references(pixels, in[1])) {
                for (const double value : image.product) products.push_back(in[0][i] * value);
                ++i;
              }
              return products;
            }});
}

TEST_CASE("stencil ops refuse what they cannot differentiate, and shapes that do not fit", "[stencil]") {
  Tensor x = Tensor::full(test_device(), kImages, 0);
  const Tensor g = Tensor::full(test_device(), kImages, 1), scale = Tensor::full(test_device(), {2, 1}, 1);
  CHECK_THROWS_AS(stencil_form(kStencil, x, Tensor::full(test_device(), {2, 3, 4, 1}, 1)), ShapeError);
  CHECK_THROWS_AS(stencil_form(kStencil, x, Tensor::full(test_device(), {2, 24}, 1)), ShapeError);
  CHECK_THROWS_AS(stencil_product(kStencil, x, Tensor::full(test_device(), {3, 1}, 1), g), ShapeError);
  x.require_gradient();
  CHECK_THROWS_AS(stencil_form(kStencil, x, g), UsageError);
  CHECK_THROWS_AS(stencil_product(kStencil, x, scale, g), UsageError);
}

}  // namespace wasserkern::testing
