#include "models/lipschitz.h"

#include <string>
#include <vector>

#include "kernels/error.h"

namespace wasserkern::models {

Network lipschitz_mlp(Random& random, const LipschitzMlp& sizes) {
  if (sizes.hidden_layers < 0)
    throw UsageError("a network of " + std::to_string(sizes.hidden_layers) + " hidden layers; give 0 or more");
  const Layer hidden{.map = BjorckDense{{sizes.width}, sizes.rule}, .sorted_groups = sizes.group};
  std::vector<Layer> layers(static_cast<size_t>(sizes.hidden_layers), hidden);
  layers.push_back({.map = BjorckDense{{1}, sizes.rule, sizes.lipschitz}});
  return Network(random, {sizes.inputs}, layers, Initialisation::Orthogonal);
}

}  // namespace wasserkern::models
