#include "models/dcgan.h"

#include "kernels/error.h"

namespace wasserkern::models {
namespace {

void check_sizes(int64_t latent, int64_t width) {
  if (latent < 1 || width < 1)
    throw UsageError("dcgan: " + std::to_string(latent) + " latent values and width " + std::to_string(width) +
                     "; both must be at least 1");
}

constexpr Window kDoubling{.stride = 2, .padding = 0};
constexpr Window kWhole{.stride = 1, .padding = 0};
constexpr Window kHalving{.stride = 2, .padding = 1};

}  // namespace

Network dcgan32_critic(Random& random, const Dcgan32& sizes) {
  check_sizes(sizes.latent, sizes.width);
  // The first layer is never normalised: that would take the images' brightness away.
  const auto halved = [&](int64_t channels, Normalisation normalisation) {
    return Layer{.map = Convolution{channels, 3, kHalving},
                 .activation = Activation::LeakyRelu,
                 .slope = sizes.slope,
                 .normalisation = normalisation};
  };
  return Network(random, {32, 32, 3},
                 {halved(sizes.width, Normalisation::None),
                  halved(2 * sizes.width, sizes.critic_normalisation),
                  halved(4 * sizes.width, sizes.critic_normalisation),
                  {.map = Dense{{1}}}});
}

Network dcgan32_generator(Random& random, const Dcgan32& sizes) {
  check_sizes(sizes.latent, sizes.width);
  const auto doubled = [&](int64_t channels) {
    return Layer{.map = TransposedConvolution{channels, 2, kDoubling},
                 .activation = Activation::Relu,
                 .normalisation = Normalisation::Batch};
  };
  return Network(random, {sizes.latent},
                 {{.map = Dense{{4, 4, 4 * sizes.width}},
                   .activation = Activation::Relu,
                   .normalisation = sizes.dense_normalised ? Normalisation::Batch : Normalisation::None},
                  doubled(2 * sizes.width),
                  doubled(sizes.width),
                  {.map = TransposedConvolution{3, 2, kDoubling}, .activation = Activation::Tanh}});
}

Network dcgan64_critic(Random& random, const Dcgan64& sizes) {
  check_sizes(sizes.latent, sizes.width);
  const auto halved = [&](int64_t channels, Normalisation normalisation) {
    return Layer{.map = Convolution{channels, 4, kHalving},
                 .activation = Activation::LeakyRelu,
                 .slope = sizes.slope,
                 .normalisation = normalisation,
                 .bias = false};
  };
  return Network(random, {64, 64, 3},
                 {halved(sizes.width, Normalisation::None),
                  halved(2 * sizes.width, sizes.critic_normalisation),
                  halved(4 * sizes.width, sizes.critic_normalisation),
                  halved(8 * sizes.width, sizes.critic_normalisation),
                  {.map = Dense{{1}}, .bias = false}},
                 Initialisation::Dcgan);
}

Network dcgan64_generator(Random& random, const Dcgan64& sizes) {
  check_sizes(sizes.latent, sizes.width);
  const auto doubled = [&](int64_t channels) {
    return Layer{.map = TransposedConvolution{channels, 4, kHalving},
                 .activation = Activation::Relu,
                 .normalisation = Normalisation::Batch};
  };
  return Network(random, {1, 1, sizes.latent},
                 {{.map = TransposedConvolution{8 * sizes.width, 4, kWhole},
                   .activation = Activation::Relu,
                   .normalisation = Normalisation::Batch},
                  doubled(4 * sizes.width),
                  doubled(2 * sizes.width),
                  doubled(sizes.width),
                  {.map = TransposedConvolution{3, 4, kHalving}, .activation = Activation::Tanh, .bias = false}},
                 Initialisation::Dcgan);
}

}  // namespace wasserkern::models
