#include "engine/ops/instance_norm.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"

namespace wasserkern::testing {
namespace {

/// x [n, ..., channels], gain and shift [n, channels], bias, strength [channels] with this noise per pixel of all
/// images or one.
Doubles normalised(const std::vector<Doubles>& in, size_t images, double epsilon, double slope, const Doubles& noise) {
  const size_t channels = in[3].size(), pixels = in[0].size() / images / channels;
  Doubles out(in[0].size());
  for (size_t image = 0; image < images; ++image)
    for (size_t j = 0; j < channels; ++j) {
      Doubles a;
      double mean = 0, variance = 0;
      for (size_t p = 0; p < pixels; ++p) {
        const double before = in[0][(image * pixels + p) * channels + j] + in[3][j] +
                              in[4][j] * noise[(image * pixels + p) % noise.size()];
        a.push_back(before > 0 ? before : slope * before);
        mean += a[p] / double(pixels);
      }
      for (const double value : a) variance += (value - mean) * (value - mean) / double(pixels);
      for (size_t p = 0; p < pixels; ++p)
        out[(image * pixels + p) * channels + j] =
            in[1][image * channels + j] * (a[p] - mean) / std::sqrt(variance + epsilon) + in[2][image * channels + j];
    }
  return out;
}

}  // namespace

TEST_CASE("instance normalisation differentiates through its statistics and additions", "[instance_norm]") {
  for (const int64_t noise_images : {1, 2}) {
    std::mt19937_64 source(test_seed());
    const std::vector<float> noise = random_normals(source, noise_images * 6, 0.1f);
    for (const bool leaky : {false, true}) {
      // Biases of one sign each keep every channel on its side of the kink.
      const std::vector<float> side = {9, -9, 9, -9};
      const InstanceNorm rule{0.1f, leaky ? Activation::LeakyRelu : Activation::None, 0.2f};
      OpCase op{"instance_norm",
                {{2, 3, 2, 4}, {2, 4}, {2, 4}, {4}, {4}},
                [=](const auto& x) {
                  const Tensor away = Tensor::from_host(test_device(), {4}, side);
                  const Tensor pixels = Tensor::from_host(test_device(), {noise_images, 3, 2, 1}, noise);
                  return instance_norm(x[0], x[1], x[2], {x[3] + away, pixels, x[4]}, rule);
                },
                [=](auto in) {
                  for (size_t j = 0; j < 4; ++j) in[3][j] += side[j];
                  return normalised(in, 2, double{0.1f}, leaky ? double{0.2f} : 1.0, {noise.begin(), noise.end()});
                },
                [](double x) { return std::tanh(x); }};
      op.twice = false;
      check_op(op);
    }
  }
}

TEST_CASE("the second derivative of instance normalisation fails by name", "[instance_norm]") {
  Tensor x = Tensor::from_host(test_device(), {1, 2, 2, 2}, std::vector<float>{1, 2, 3, 5, 8, 13, 21, 34});
  Tensor gain = Tensor::full(test_device(), {1, 2}, 1), shift = Tensor::full(test_device(), {1, 2}, 0);
  for (Tensor* leaf : {&x, &gain, &shift}) leaf->require_gradient();
  const Tensor y = instance_norm(x, gain, shift);
  for (const Tensor& leaf : {x, gain, shift}) {
    const Tensor first = grad(sum(square(y)), leaf, Differentiable::Yes);
    CHECK_THROWS_WITH(grad(sum(square(first)), x), Catch::Contains("second derivative of instance_norm is missing"));
  }
}

TEST_CASE("instance normalisation of no additions, and of tensors that are not images", "[instance_norm]") {
  const Tensor style = Tensor::full(test_device(), {2, 3}, 1);
  const auto of = [&](const Shape& shape, const ImageAdditions& added = {}) {
    return instance_norm(Tensor::full(test_device(), shape, 5), style, style, added).to_host();
  };
  CHECK(of({2, 1, 2, 3}) == std::vector<float>(12, 1));
  CHECK_THROWS_AS(of({2, 6}), ShapeError);
  CHECK_THROWS_AS(of({3, 1, 2, 3}), ShapeError);
  CHECK_THROWS_AS(of({2, 1, 2, 4}), ShapeError);
  const Tensor three = Tensor::full(test_device(), {3}, 1);
  CHECK_THROWS_AS(of({2, 1, 2, 3}, {.noise = Tensor::full(test_device(), {2, 2, 1, 1}, 1), .strength = three}),
                  ShapeError);
  CHECK_THROWS_AS(of({2, 1, 2, 3}, {.strength = three}), ShapeError);
}

}  // namespace wasserkern::testing
