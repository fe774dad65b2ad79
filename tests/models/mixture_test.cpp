#include "models/mixture.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "tests/device.h"

namespace wasserkern::testing {

TEST_CASE("networks of points in the plane have the layers that are asked for", "[network][mixture]") {
  Random random(test_device(), 1);
  const models::MixtureNetworks sizes{.latent = 10, .hidden = {128, 32}};
  const models::Network generator = models::mixture_generator(random, sizes);
  const models::Network critic = models::mixture_critic(random, sizes);
  CHECK(generator(random.normal({5, 10})).shape() == Shape{5, 2});
  CHECK(critic(random.normal({5, 2})).shape() == Shape{5, 1});
  CHECK(generator.parameters().count() == 11 * 128 + 129 * 32 + 33 * 2);
  CHECK(critic.parameters().count() == 3 * 128 + 129 * 32 + 33);
  CHECK(models::mixture_critic(random).parameters().count() == 3 * 128 + 129 * 128 + 129);
}

TEST_CASE("WGAN-GP's authors draw the weights of points in the plane from N(0, 0.02^2)", "[network][mixture]") {
  Random random(test_device(), 2);
  const models::Network critic =
      models::mixture_critic(random, {.hidden = {512, 512, 512}, .initialisation = models::Initialisation::Dcgan});
  for (int layer = 0; layer < 4; ++layer) {
    double squares = 0;
    const auto weights = critic.parameters()[std::to_string(layer) + ".weight"].to_host();
    for (const float weight : weights) squares += double(weight) * weight;
    // Five standard errors of a deviation that is estimated from so many.
    CHECK(std::sqrt(squares / double(weights.size())) ==
          Approx(0.02).epsilon(5 / std::sqrt(2 * double(weights.size()))));
    for (const float bias : critic.parameters()[std::to_string(layer) + ".bias"].to_host()) CHECK(bias == 0);
  }
}

}  // namespace wasserkern::testing
