#include "models/dcgan.h"

#include <string>
#include <vector>

#include "kernels/error.h"

namespace wasserkern::models {
namespace {

void check_sizes(int64_t latent, int64_t width) {
  if (latent < 1 || width < 1)
    throw UsageError("dcgan: " + std::to_string(latent) + " latent values and width " + std::to_string(width) +
                     "; both must be at least 1");
}

void check_sizes(const Dcgan64& sizes) {
  check_sizes(sizes.latent, sizes.width);
  if (sizes.hidden_layers < 1 || sizes.hidden_layers > 5)
    throw UsageError("dcgan: " + std::to_string(sizes.hidden_layers) +
                     " hidden layers; images of 64 x 64 pixels are halved 1 to 5 times");
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
  check_sizes(sizes);
  std::vector<Layer> layers;
  for (int64_t i = 0; i < sizes.hidden_layers; ++i)
    layers.push_back({.map = Convolution{sizes.width << i, 4, kHalving},
                      .activation = Activation::LeakyRelu,
                      .slope = sizes.slope,
                      .normalisation = i == 0 ? Normalisation::None : sizes.critic_normalisation,
                      .bias = false});
  layers.push_back({.map = Dense{{1}}, .bias = false});
  return Network(random, {64, 64, 3}, layers, Initialisation::Dcgan);
}

Network dcgan64_generator(Random& random, const Dcgan64& sizes) {
  check_sizes(sizes);
  std::vector<Layer> layers;
  for (int64_t i = sizes.hidden_layers; i-- > 0;) {
    const bool first = layers.empty();
    layers.push_back({.map = TransposedConvolution{sizes.width << i, first ? 64 >> sizes.hidden_layers : 4,
                                                   first ? kWhole : kHalving},
                      .activation = Activation::Relu,
                      .normalisation = Normalisation::Batch});
  }
  layers.push_back({.map = TransposedConvolution{3, 4, kHalving}, .activation = Activation::Tanh, .bias = false});
  return Network(random, {1, 1, sizes.latent}, layers, Initialisation::Dcgan);
}

}  // namespace wasserkern::models
