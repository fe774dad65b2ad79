#pragma once

#include "engine/random.h"
#include "kernels/export.h"
#include "models/network.h"

namespace wasserkern::models {

/// What the generator of images of 28x28 pixels takes: z ~ N(0, I) of this many values.
inline constexpr int64_t kMnistLatent = 128;
inline constexpr int64_t kMnistPixels = int64_t{28} * 28;

/// Paper 000's dropout, of its MNIST critic.
inline constexpr float kMnistDropout = 0.3f;

/// Paper 000's critic: 784-1024-512-256-1 with LeakyReLU 0.2 and dropout. `width_divisor` narrows the hidden layers,
/// for tests.
WASSERKERN_API Network mnist_critic(Random& random, int64_t width_divisor = 1, float dropout = kMnistDropout);

/// Paper 000's generator: 128-256-512-1024-784; LeakyReLU 0.2, but tanh before the last layer and LeakyReLU on the
/// pixels, as printed.
WASSERKERN_API Network mnist_generator(Random& random, int64_t width_divisor = 1);

}  // namespace wasserkern::models
