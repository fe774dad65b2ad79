#include "models/dcgan.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/tape.h"
#include "kernels/cpu/onednn/product.h"
#include "kernels/error.h"
#include "losses/objectives/gradient_penalty.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

using models::Network;

double deviation(const Tensor& tensor) {
  double sum = 0, squares = 0;
  const auto values = tensor.to_host();
  for (const float value : values) {
    sum += value;
    squares += double(value) * value;
  }
  const auto count = static_cast<double>(values.size());
  return std::sqrt(squares / count - sum / count * (sum / count));
}

}  // namespace

TEST_CASE("the networks for 32 x 32 pixels have paper 000's sizes", "[dcgan]") {
  Random random(test_device(), 3);
  const Network critic = models::dcgan32_critic(random), generator = models::dcgan32_generator(random);
  CHECK(critic.parameters().count() == (27 + 1) * 128 + (9 * 128 + 1) * 256 + (9 * 256 + 1) * 512 + 8192 + 1);
  CHECK(generator.parameters().count() ==
        (128 + 1) * 8192 + (512 * 4 + 2) * 256 + (256 * 4 + 2) * 128 + 128 * 4 * 3 + 3);
  CHECK(generator.statistics().count() == 2 * (256 + 128));

  // PyTorch draws from U(-b, b) with b = 1 / sqrt(n), n the values that a filter reads, or writes if it is transposed.
  CHECK(deviation(critic.parameters()["1.weight"]) == Approx(1 / std::sqrt(3.0 * 9 * 128)).epsilon(0.01));
  CHECK(deviation(generator.parameters()["1.weight"]) == Approx(1 / std::sqrt(3.0 * 4 * 256)).epsilon(0.01));

  const models::Dcgan32 wwgan{.width = 16, .dense_normalised = true};
  const Network normalised = models::dcgan32_generator(random, wwgan);
  CHECK(normalised.statistics()["0.mean"].shape() == Shape{16 * 64});
}

TEST_CASE("networks for 64 x 64 pixels start as DCGANs do", "[dcgan]") {
  Random random(test_device(), 3);
  const models::Dcgan64 narrow{.latent = 6, .width = 8};
  const Network critic = models::dcgan64_critic(random, narrow), generator = models::dcgan64_generator(random, narrow);
  CHECK(critic.parameters().count() == 16 * (3 * 8 + 8 * 16 + 16 * 32 + 32 * 64) + 16 * 64);
  CHECK(generator.parameters().count() == 16 * (6 * 64 + 64 * 32 + 32 * 16 + 16 * 8 + 8 * 3) + 2 * (64 + 32 + 16 + 8));
  CHECK(deviation(critic.parameters()["3.weight"]) == Approx(0.02).epsilon(0.02));
  const auto gains = generator.parameters()["0.gain"].to_host();
  CHECK(std::all_of(gains.begin(), gains.end(), [](float gain) { return std::abs(gain - 1) < 0.1; }));
  CHECK(generator.parameters()["0.gain"].to_host() != std::vector<float>(64, 1));

  const Tensor images = generator(random.normal({2, 6}));
  CHECK(images.shape() == Shape{2, 64, 64, 3});
  CHECK(critic(images).shape() == Shape{2, 1});
}

TEST_CASE("networks for faces with the text's hidden layers, or others", "[dcgan]") {
  Random random(test_device(), 4);
  for (const int64_t layers : {1, 3, 5}) {
    const models::Dcgan64 sizes{.latent = 6, .width = 2, .hidden_layers = layers};
    const Network critic = models::dcgan64_critic(random, sizes), generator = models::dcgan64_generator(random, sizes);
    CHECK(critic.parameters().named().size() == size_t(layers) + 1);
    CHECK(generator.parameters().named().size() == 3 * size_t(layers) + 1);
    const int64_t last = 64 >> layers;  // extent of what is left
    CHECK(critic.parameters()[std::to_string(layers) + ".weight"].size() == last * last * (2 << (layers - 1)));
    const Tensor images = generator(random.normal({2, 6}));
    CHECK(images.shape() == Shape{2, 64, 64, 3});
    CHECK(critic(images).shape() == Shape{2, 1});
  }
  CHECK_THROWS_AS(models::dcgan64_critic(random, {.hidden_layers = 0}), UsageError);
  CHECK_THROWS_AS(models::dcgan64_generator(random, {.hidden_layers = 6}), UsageError);
}

TEST_CASE("a generator's images are within [-1, 1], and its evaluation is by the running statistics", "[dcgan]") {
  Random random(test_device(), 3);
  const Network generator = models::dcgan32_generator(random, {.latent = 8, .width = 4});
  const Tensor z = random.normal({5, 8});
  const Tensor first = generator(z.viewed_rows(0, 1).viewed_as({1, 8}), models::Mode::Evaluation);
  const std::vector<float> all = generator(z, models::Mode::Evaluation).to_host();
  CHECK(generator(z).shape() == Shape{5, 32, 32, 3});
  const std::vector<float> alone = first.to_host();
  for (size_t i = 0; i < alone.size(); ++i) CHECK(alone[i] == Approx(all[i]).margin(1e-6));
  CHECK(std::all_of(all.begin(), all.end(), [](float value) { return std::abs(value) <= 1; }));
  CHECK(generator(z, models::Mode::Evaluation).to_host() != all);  // the training forward has moved the statistics
}

TEST_CASE("no primitive of a step of either game falls back to oneDNN's reference code", "[dcgan]") {
  if (on_cuda()) return;  // which has no use for oneDNN
  Random random(test_device(), 9);
  const auto step = [&](const Network& critic, const Network& generator, const Tensor& z) {
    const Tensor y = generator(z);
    const Tensor penalty = losses::GradientPenalty{}(critic, y.detach());
    grad(sum(critic(y.detach())) + penalty, critic.parameters());
    grad(sum(critic(y)), generator.parameters());
  };
  const models::Dcgan32 small{};
  step(models::dcgan32_critic(random, small), models::dcgan32_generator(random, small),
       random.normal({2, small.latent}));
  const models::Dcgan64 large{.critic_normalisation = models::Normalisation::Layer};
  step(models::dcgan64_critic(random, large), models::dcgan64_generator(random, large),
       random.normal({2, large.latent}));
  CHECK(onednn::reference_primitives() == 0);
}

}  // namespace wasserkern::testing
