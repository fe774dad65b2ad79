#include "losses/objectives/wgan.h"

#include <catch2/catch.hpp>

#include "engine/ops/matmul.h"
#include "engine/parameters.h"
#include "engine/tape.h"
#include "tests/device.h"

namespace wasserkern::testing {

TEST_CASE("the WGAN's losses are differences of means, with their gradients", "[wgan]") {
  constexpr size_t kReal = 7, kFake = 4, kFeatures = 3;
  std::mt19937_64 source(test_seed());
  const auto real = random_normals(source, kReal * kFeatures), fake = random_normals(source, kFake * kFeatures);
  const auto weights = random_normals(source, kFeatures);
  Tensor x = Tensor::from_host(test_device(), {kReal, kFeatures}, real);
  Tensor y = Tensor::from_host(test_device(), {kFake, kFeatures}, fake);
  x.require_gradient();
  y.require_gradient();
  Parameters parameters(test_device(), {{"weight", {1, kFeatures}}});
  parameters["weight"].copy_from_host(weights);
  const losses::Critic critic = [&](const Tensor& points) { return linear(points, parameters["weight"], {}); };

  std::vector<double> mean_real(kFeatures, 0.0), mean_fake(kFeatures, 0.0);
  double potential_real = 0, potential_fake = 0;
  for (size_t k = 0; k < kFeatures; ++k) {
    for (size_t i = 0; i < kReal; ++i) mean_real[k] += double(real[i * kFeatures + k]) / kReal;
    for (size_t j = 0; j < kFake; ++j) mean_fake[k] += double(fake[j * kFeatures + k]) / kFake;
    potential_real += weights[k] * mean_real[k];
    potential_fake += weights[k] * mean_fake[k];
  }

  const Tensor critic_loss = losses::wgan_critic_loss(critic, x, y);
  CHECK(critic_loss.item() == Approx(potential_fake - potential_real).margin(1e-5));
  const auto gradient = grad(critic_loss, parameters).to_host();
  for (size_t k = 0; k < kFeatures; ++k) CHECK(gradient[k] == Approx(mean_fake[k] - mean_real[k]).margin(1e-5));
  CHECK_FALSE(grad(critic_loss, x).defined());
  CHECK_FALSE(grad(critic_loss, y).defined());

  const Tensor generator_loss = losses::wgan_generator_loss(critic, y);
  CHECK(generator_loss.item() == Approx(-potential_fake).margin(1e-5));
  const auto pull = grad(generator_loss, y).to_host();
  for (size_t j = 0; j < kFake; ++j)
    for (size_t k = 0; k < kFeatures; ++k)
      CHECK(pull[j * kFeatures + k] == Approx(-double(weights[k]) / kFake).margin(1e-6));
}

}  // namespace wasserkern::testing
