#include "engine/ops/layer_norm.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/parameters.h"
#include "engine/phases.h"
#include "engine/random.h"
#include "engine/tape.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"

namespace wasserkern::testing {
namespace {

/// x [rows, ...], gain and shift, which repeat along a row.
Doubles normalised(const std::vector<Doubles>& in, size_t rows, double epsilon, double slope) {
  const size_t columns = in[0].size() / rows;
  Doubles out;
  for (size_t i = 0; i < rows; ++i) {
    const double* x = &in[0][i * columns];
    double mean = 0, variance = 0;
    for (size_t j = 0; j < columns; ++j) mean += x[j] / double(columns);
    for (size_t j = 0; j < columns; ++j) variance += std::pow(x[j] - mean, 2) / double(columns);
    for (size_t j = 0; j < columns; ++j) {
      const double y =
          in[1][j % in[1].size()] * (x[j] - mean) / std::sqrt(variance + epsilon) + in[2][j % in[2].size()];
      out.push_back(y > 0 ? y : slope * y);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("layer normalisation differentiates twice, per channel and per element", "[layer_norm]") {
  const auto per = [](const char* name, const Shape& x, const Shape& gain) {
    check_op({name,
              {x, gain, gain},
              [](const auto& in) { return square(layer_norm(in[0], in[1], in[2], {.epsilon = 0.1f})); },
              [rows = x.rows()](const auto& in) {
                Doubles out = normalised(in, size_t(rows), double{0.1f}, 1);
                for (double& value : out) value *= value;
                return out;
              },
              [](double value) { return 1.5 * std::tanh(value); }});
  };
  per("layer_norm of features", {3, 7}, {7});
  per("layer_norm per channel", {2, 2, 3, 4}, {4});
  per("layer_norm per element", {2, 2, 3, 2}, {2, 3, 2});
  per("layer_norm of one row", {1, 2, 1, 4}, {2, 1, 4});
}

TEST_CASE("layer normalisation with LeakyReLU differentiates twice", "[layer_norm]") {
  // Shifts far from 0 keep every channel on its side of the kink.
  check_op({"layer_norm with LeakyReLU",
            {{2, 3, 1, 4}, {4}, {4}},
            [](const auto& x) {
              const Tensor signs = Tensor::from_host(test_device(), {4}, std::vector<float>{9, -9, 9, -9});
              return layer_norm(x[0], x[1], x[2] + signs,
                                {.epsilon = 0.1f, .activation = Activation::LeakyRelu, .slope = 0.2f});
            },
            [](auto in) {
              for (size_t j = 0; j < 4; ++j) in[2][j] += j % 2 ? -9 : 9;
              return normalised(in, 2, double{0.1f}, double{0.2f});
            },
            [](double x) { return std::tanh(x); }});
}

TEST_CASE("the third derivative of layer normalisation fails by name", "[layer_norm]") {
  Tensor x = Tensor::from_host(test_device(), {2, 3}, std::vector<float>{1, 2, 4, -3, 0, 5});
  x.require_gradient();
  const Tensor one = Tensor::full(test_device(), {3}, 1);
  const Tensor first = grad(sum(square(square(layer_norm(x, one, one)))), x, Differentiable::Yes);
  const Tensor second = grad(sum(square(first)), x, Differentiable::Yes);
  CHECK_THROWS_WITH(grad(sum(square(second)), x), Catch::Contains("second derivative of layer_norm's gradient"));
}

TEST_CASE("a gradient penalty through layer normalisation replays what it recorded", "[layer_norm]") {
  const auto outcome = [](bool eager) {
    Device& device = test_device();
    Random random(device, 3);
    Phases phases(device, random, eager);
    const Parameters parameters(device, {{"gain", {5}}, {"shift", {5}}});
    parameters["gain"].copy_from_host(std::vector<float>{1, 2, 3, 4, 5});
    for (int step = 0; step < 4; ++step)
      phases.run("step", [&] {
        Tensor x = random.normal({3, 2, 2, 5});
        x.require_gradient();
        const Tensor y = layer_norm(x, parameters["gain"], parameters["shift"],
                                    {.activation = Activation::LeakyRelu, .slope = 0.2f});
        const Tensor slope = grad(sum(square(y)), x, Differentiable::Yes);
        const Tensor gradient = grad(mean(square(slope)), parameters);
        parameters.flat().overwrite(parameters.flat().detach() - gradient * 1e-3f);
      });
    return parameters.flat().to_host();
  };
  const std::vector<float> replayed = outcome(false);
  CHECK(replayed == outcome(true));
  CHECK(replayed.front() != 1);
}

TEST_CASE("layer normalisation needs a gain per channel or per element", "[layer_norm]") {
  const auto of = [](const Shape& x, const Shape& gain, const Shape& shift) {
    Device& device = test_device();
    return layer_norm(Tensor::full(device, x, 1), Tensor::full(device, gain, 1), Tensor::full(device, shift, 2));
  };
  CHECK(of({2, 2, 2, 3}, {3}, {3}).to_host() == std::vector<float>(24, 2));
  CHECK(of({0, 2, 2, 3}, {2, 2, 3}, {2, 2, 3}).size() == 0);
  CHECK_THROWS_AS(of({2, 2, 2, 3}, {2}, {2}), ShapeError);
  CHECK_THROWS_AS(of({2, 2, 2, 3}, {3}, {2, 2, 3}), ShapeError);
  CHECK_THROWS_AS(of({3}, {3}, {3}), ShapeError);
}

}  // namespace wasserkern::testing
