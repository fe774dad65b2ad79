#pragma once

#include <cstdint>

#include "engine/random.h"
#include "kernels/export.h"
#include "models/bjorck.h"
#include "models/network.h"

namespace wasserkern::models {

/// A critic that is Lipschitz by its architecture, Anil, Lucas and Grosse 2019: orthonormal dense layers and sorted
/// groups of features, which keep the norms of gradients, so that it reaches its Lipschitz constant too.
struct LipschitzMlp {
  int64_t inputs = 2;
  int64_t hidden_layers = 3;
  int64_t width = 128;
  int64_t group = 2;  // features that are sorted together, which divides the width; 2: MaxMin
  Bjorck rule = {};
  float lipschitz = 1;  // the constant, in l2
};

/// inputs - width - ... - width - 1, from orthonormal weights. Throws UsageError.
WASSERKERN_API Network lipschitz_mlp(Random& random, const LipschitzMlp& sizes = {});

}  // namespace wasserkern::models
