#pragma once

#include "engine/random.h"
#include "kernels/export.h"
#include "models/network.h"

namespace wasserkern::models {

/// Convolutional networks for colour images of 32 x 32 pixels in [-1, 1], after Radford et al. 2016. By default paper
/// 000's, table 3; those of papers 001 and 002 have slope 0.01 and normalise the generator's dense layer too.
struct Dcgan32 {
  int64_t latent = 128;  // values of z ~ N(0, I)
  int64_t width = 128;   // channels at 16 x 16 pixels; twice as many at 8 x 8, four times at 4 x 4
  float slope = 0.2f;    // of the critic's LeakyReLU below zero
  bool dense_normalised = false;
  Normalisation critic_normalisation = Normalisation::None;  // between its convolutions; for penalties, Layer
};

/// Three 3 x 3 convolutions of stride 2 with LeakyReLU, and one dense output.
WASSERKERN_API Network dcgan32_critic(Random& random, const Dcgan32& sizes = {});
/// A dense layer to 4 x 4 pixels, then three transposed 2 x 2 convolutions of stride 2; ReLU, batch normalisation
/// between the convolutions, tanh on the pixels.
WASSERKERN_API Network dcgan32_generator(Random& random, const Dcgan32& sizes = {});

/// The networks of papers 001 and 002 for faces of 64 x 64 pixels in [-1, 1]: no biases, and DCGAN's initialisation.
struct Dcgan64 {
  int64_t latent = 128;
  int64_t width = 64;         // channels at 32 x 32 pixels; doubled with every halving
  int64_t hidden_layers = 4;  // 1 to 5 halvings: 4 in their code, 3 in the text
  float slope = 0.2f;
  Normalisation critic_normalisation = Normalisation::None;
};

/// 4 x 4 convolutions of stride 2 with LeakyReLU, and one over all that is left, which is a dense output.
WASSERKERN_API Network dcgan64_critic(Random& random, const Dcgan64& sizes = {});
/// A transposed convolution of z as one pixel to the critic's last image, and 4 x 4 ones of stride 2; batch
/// normalisation and ReLU between them, tanh on the pixels.
WASSERKERN_API Network dcgan64_generator(Random& random, const Dcgan64& sizes = {});

}  // namespace wasserkern::models
