#include "engine/tape.h"

#include <catch2/catch.hpp>

#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/parameters.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

Tensor variable(const Shape& shape, float value) {
  Tensor tensor = Tensor::full(test_device(), shape, value);
  tensor.require_gradient();
  return tensor;
}

}  // namespace

TEST_CASE("gradients compose to any order", "[tape]") {
  const Tensor x = variable({1}, 2);
  Tensor derivative = square(square(x));  // x^4, then 4 x^3, 12 x^2, 24 x, 24
  for (const float expected : {32.0f, 48.0f, 48.0f, 24.0f}) {
    derivative = grad(sum(derivative), x, Differentiable::Yes);
    CHECK(derivative.item() == Approx(expected));
  }
}

TEST_CASE("a tensor used twice collects both gradients", "[tape]") {
  const Tensor x = variable({3}, 3);
  CHECK(grad(sum(x * x + x), x).to_host() == std::vector<float>(3, 7));
}

TEST_CASE("a gradient that vanishes identically is undefined, and nothing runs on it", "[tape]") {
  const Tensor x = variable({2, 2}, 1);
  const Tensor slope = grad(sum(leaky_relu(x, 0.2f)), x, Differentiable::Yes);
  CHECK_FALSE(slope.on_tape());  // piecewise linear: the slope does not depend on x
  const Tensor y = variable({2, 2}, 1);
  CHECK_FALSE(grad(std::vector{sum(square(x))}, {x, y}).at(1).defined());
  const Tensor bent = grad(sum(tanh(x)), x, Differentiable::Yes);
  CHECK(bent.on_tape());
}

TEST_CASE("the sweep through a piecewise linear critic's forward is pruned, that of tanh is not", "[tape]") {
  // Gradient penalty: d/dweight of |d critic/dx|^2; with LeakyReLU it reaches x only through the slopes, which are
  // flat.
  for (const bool smooth : {false, true}) {
    const Tensor x = variable({2, 3}, 0.5f), weight = variable({4, 3}, 0.1f), last = variable({1, 4}, 1);
    const Activation activation = smooth ? Activation::Tanh : Activation::LeakyRelu;
    const Tensor critic = linear(linear(x, weight, {}, activation, 0.2f), last, {});
    const Tensor penalty = sum(square(grad(sum(critic), x, Differentiable::Yes)));
    const auto gradients = grad(std::vector{penalty}, {x, weight});
    CHECK(gradients[0].defined() == smooth);
    CHECK(gradients[1].defined());
  }
}

TEST_CASE("a stale save is an error that names the op", "[tape]") {
  Tensor x = variable({2}, 1);
  const Tensor y = square(x);
  x.copy_from_host(std::vector<float>{5, 5});
  CHECK_THROWS_WITH(grad(sum(y), x), Catch::Contains("square") && Catch::Contains("overwritten"));
  const Tensor z = variable({2}, 1);
  const Tensor out = exponential(z);
  out.copy_from_host(std::vector<float>{0, 0});
  CHECK_THROWS_WITH(grad(sum(out), z), Catch::Contains("exponential"));
}

TEST_CASE("a missing derivative fails by name", "[tape]") {
  const Tensor x = variable({2, 2}, 1), y = variable({2, 2}, 3);
  Tensor gradient = grad(sum(paired_cost(LqCost{2, 1}, x, y)), y, Differentiable::Yes);
  gradient = grad(sum(square(gradient)), y, Differentiable::Yes);
  CHECK_THROWS_WITH(grad(sum(gradient), y), Catch::Contains("ground cost") && Catch::Contains("missing"));
}

TEST_CASE("grad wants a tape", "[tape]") {
  const Tensor x = Tensor::full(test_device(), {2}, 1);
  CHECK_THROWS_AS(grad(sum(square(x)), x), Error);
  const Tensor y = variable({2}, 1);
  CHECK_THROWS_AS(grad(sum(square(y)), x), Error);
  const TapeOff off;
  CHECK_FALSE(square(y).on_tape());
  {
    const TapeOn on;
    CHECK(grad(sum(square(y)), y).to_host() == std::vector<float>{2, 2});
  }
  CHECK_FALSE(square(y).on_tape());
}

TEST_CASE("a long tape is released without recursion", "[tape]") {
  Tensor x = variable({1}, 1);
  Tensor chain = x;
  for (int i = 0; i < 200000; ++i) chain = affine(chain, 1, 0);
  CHECK(grad(sum(chain), x).item() == 1);
  chain = Tensor();
}

TEST_CASE("gradients of parameters land in their flat buffer", "[tape]") {
  Parameters parameters(test_device(), {{"weight", {2, 3}}, {"bias", {2}}, {"unused", {5}}});
  const Tensor weight = parameters["weight"], bias = parameters["bias"];
  weight.copy_from_host(std::vector<float>{1, 2, 3, 4, 5, 6});
  parameters.flat_gradient().copy_from_host(std::vector<float>(static_cast<size_t>(parameters.flat().size()), 99));
  const Tensor x = Tensor::from_host(test_device(), {1, 3}, std::vector<float>{1, 10, 100});

  const auto flat = grad(sum(linear(x, weight, bias)), parameters).to_host();
  REQUIRE(flat.size() == 48);
  CHECK(std::vector<float>(flat.begin(), flat.begin() + 6) == std::vector<float>{1, 10, 100, 1, 10, 100});
  CHECK(std::vector<float>(flat.begin() + 16, flat.begin() + 18) == std::vector<float>{1, 1});
  CHECK(std::vector<float>(flat.begin() + 32, flat.begin() + 37) == std::vector<float>(5, 0));

  // Twice the same weight: contributions within a call add up, and calls do not.
  for (int call = 0; call < 2; ++call) {
    const auto twice = grad(sum(linear(x, weight, bias)) + sum(linear(x, weight, {})), parameters).to_host();
    CHECK(std::vector<float>(twice.begin(), twice.begin() + 6) == std::vector<float>{2, 20, 200, 2, 20, 200});
    CHECK(twice[16] == 1);
  }
  const auto crossed = grad(sum(matmul(weight, Transpose::No, weight, Transpose::Yes)), parameters).to_host();
  CHECK(std::vector<float>(crossed.begin(), crossed.begin() + 3) == std::vector<float>{10, 14, 18});
  CHECK_THROWS_AS(Parameters(test_device(), {{"a", {1}}, {"a", {1}}}), UsageError);
  CHECK_THROWS_AS(parameters["missing"], UsageError);
}

}  // namespace wasserkern::testing
