#include "models/mnist.h"

#include "kernels/error.h"

namespace wasserkern::models {
namespace {

constexpr float kSlope = 0.2f;

int64_t narrowed(int64_t features, int64_t divisor) {
  if (divisor < 1 || features % divisor != 0)
    throw UsageError("width divisor " + std::to_string(divisor) + " does not divide a layer of " +
                     std::to_string(features) + "; use a power of two up to 256");
  return features / divisor;
}

}  // namespace

Network mnist_critic(Random& random, int64_t width_divisor, float dropout) {
  const auto hidden = [&](int64_t features) {
    return Layer{.map = Dense{{narrowed(features, width_divisor)}},
                 .activation = Activation::LeakyRelu,
                 .slope = kSlope,
                 .dropout = dropout};
  };
  return Network(random, {kMnistPixels}, {hidden(1024), hidden(512), hidden(256), {.map = Dense{{1}}}});
}

Network mnist_generator(Random& random, int64_t width_divisor) {
  const auto hidden = [&](int64_t features, Activation activation) {
    return Layer{.map = Dense{{narrowed(features, width_divisor)}}, .activation = activation, .slope = kSlope};
  };
  return Network(random, {kMnistLatent},
                 {hidden(256, Activation::LeakyRelu),
                  hidden(512, Activation::LeakyRelu),
                  hidden(1024, Activation::Tanh),
                  {.map = Dense{{kMnistPixels}}, .activation = Activation::LeakyRelu, .slope = kSlope}});
}

}  // namespace wasserkern::models
