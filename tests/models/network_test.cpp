#include "models/network.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/reduce.h"
#include "engine/tape.h"
#include "kernels/cpu/onednn/product.h"
#include "models/mnist.h"
#include "tests/device.h"

namespace wasserkern::testing {

TEST_CASE("a multi-layer perceptron is the formula", "[network]") {
  Random random(test_device(), 9);
  const models::Network net(random, {3},
                            {{.map = models::Dense{{4}}, .activation = Activation::Tanh}, {.map = models::Dense{{2}}}});
  const std::vector<float> x = {0.5f, -1, 2};
  const auto got = net(Tensor::from_host(test_device(), {1, 3}, x)).to_host();

  const auto parameter = [&](const char* name) { return net.parameters()[name].to_host(); };
  const auto w0 = parameter("0.weight"), b0 = parameter("0.bias"), w1 = parameter("1.weight"), b1 = parameter("1.bias");
  double hidden[4];
  for (size_t i = 0; i < 4; ++i) {
    double total = b0[i];
    for (size_t k = 0; k < 3; ++k) total += double(w0[i * 3 + k]) * x[k];
    hidden[i] = std::tanh(total);
  }
  for (size_t i = 0; i < 2; ++i) {
    double total = b1[i];
    for (size_t k = 0; k < 4; ++k) total += double(w1[i * 4 + k]) * hidden[k];
    CHECK(got[i] == Approx(total).margin(1e-5));
  }
}

TEST_CASE("the paper's MNIST networks have its sizes, and PyTorch's initial bounds", "[network]") {
  Random random(test_device(), 9);
  const models::Network critic = models::mnist_critic(random), generator = models::mnist_generator(random);
  CHECK(critic.parameters().count() == 785 * 1024 + 1025 * 512 + 513 * 256 + 257);
  CHECK(generator.parameters().count() == 129 * 256 + 257 * 512 + 513 * 1024 + 1025 * 784);
  const auto weight = critic.parameters()["0.weight"].to_host();
  const auto [low, high] = std::minmax_element(weight.begin(), weight.end());
  const float bound = 1 / std::sqrt(784.0f);
  CHECK(*high <= bound);
  CHECK(*low >= -bound);
  CHECK(*high > 0.99f * bound);
  CHECK(*low < -0.99f * bound);
  const Tensor images = generator(random.normal({2, models::kMnistLatent}));
  CHECK(images.shape() == Shape{2, 784});
  CHECK(critic(images).shape() == Shape{2, 1});
  CHECK_THROWS_AS(models::mnist_critic(random, 3), UsageError);
  CHECK_THROWS_AS(models::Network(random, {3}, {{.map = models::Dense{{0}}}}), UsageError);
}

TEST_CASE("no product of the paper's networks falls back to oneDNN's reference code", "[network]") {
  Random random(test_device(), 9);
  const models::Network critic = models::mnist_critic(random), generator = models::mnist_generator(random);
  grad(sum(critic(generator(random.normal({64, models::kMnistLatent})))), critic.parameters());
  const Tensor images = generator(random.normal({64, models::kMnistLatent}));
  grad(sum(images), generator.parameters());
  CHECK(onednn::reference_primitives() == 0);
}

TEST_CASE("the same seed makes the same network, another seed another", "[network]") {
  Random one(test_device(), 9), same(test_device(), 9), other(test_device(), 10);
  const auto weights = [](Random& random) { return models::mnist_critic(random, 64).parameters().flat().to_host(); };
  const auto first = weights(one);
  CHECK(weights(same) == first);
  CHECK(weights(other) != first);
}

}  // namespace wasserkern::testing
